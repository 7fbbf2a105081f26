import { dataSchema } from '../data/index.ts'
import type { DataNeed } from './check.ts'
import type { Sizes } from './settings.ts'

/** Training digits that come along. */
const COMES_ALONG = 8000

/**
 * What checks are given: real data from these folders or, when `quick`, the digits that come along, of which all are taken where
 * the real thing has more. Normalised, as the paper has it.
 */
export function sizesOf(quick: boolean, folders: Readonly<Partial<Record<DataNeed, string>>>): Sizes {
  return {
    quick,
    data(need, sizes = {}) {
      const { train } = sizes
      if (!quick) return dataSchema.parse({ name: need, dir: folders[need], normalize: true, ...sizes })
      return dataSchema.parse({ name: 'mnist-10k', normalize: true, ...(train && train < COMES_ALONG && { train }) })
    },
  }
}

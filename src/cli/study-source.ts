import { dirname, resolve } from 'node:path'
import { FedError } from '../core/errors.ts'
import { validate } from '../core/validate.ts'
import { planStudy, type Study, type StudyRun, studySchema } from '../rounds/study.ts'
import { parseAssignment } from './assignment.ts'
import { pathOf } from './options.ts'
import { loadRunFile, readYaml } from './run-file-source.ts'

export interface LoadedStudy {
  readonly study: Study
  readonly plan: readonly StudyRun[]
}

/**
 * Reads a study and the run file that it names, applies `--set` assignments to that, and plans every run. Throws
 * `file_unreadable`, `input_invalid` (the study, or an assignment) and `run_file_invalid`.
 */
export async function loadStudy(file: string, assignments: readonly string[]): Promise<LoadedStudy> {
  refuseOwn(assignments)
  const study = validate(studySchema, await readYaml(file, 'a study'))
  const { input } = await loadRunFile(resolve(dirname(file), pathOf(study.run)), assignments)
  return { study, plan: planStudy(study, input) }
}

/** Of every run the study says these itself: one that `--set` chose would be overwritten without a word. */
function refuseOwn(assignments: readonly string[]): void {
  for (const text of assignments) {
    const [key] = parseAssignment(text).path
    if (key !== 'seed' && key !== 'name') continue
    throw new FedError('input_invalid', {
      expected: `no ${key} in --set: the study says the ${key} of its runs`,
      received: `--set ${text}`,
      hint: key === 'seed' ? 'Change seeds in the study' : 'Change name in the study',
    })
  }
}

import { FedError } from '../../core/errors.ts'
import type { Inputs } from '../../protocol/messages.ts'

/** Throws `data_mismatch` or `model_mismatch` when a process would train on other data than ours, or another network. */
export function requireInputs(ours: Inputs, theirs: Inputs): void {
  if (theirs.data !== ours.data)
    throw new FedError('data_mismatch', {
      expected: `data with SHA-256 ${ours.data}, the coordinator's`,
      received: theirs.data,
      hint: 'Give the client process the same data set: its folder with --data-dir, complete and unchanged',
    })
  if (theirs.model !== ours.model)
    throw new FedError('model_mismatch', {
      expected: `model files with SHA-256 ${ours.model}, the coordinator's`,
      received: String(theirs.model),
      hint: 'Give the client process the same model files, where model.path says',
    })
}

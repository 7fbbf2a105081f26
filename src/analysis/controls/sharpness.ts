import { FedError } from '../../core/errors.ts'
import { type LayerLayout, type Params, tensorViews } from '../../core/layout.ts'
import { rowOf, type VisitActivations } from './activations.ts'
import { softmax } from './functional.ts'

/**
 * Relative sharpness of the output layer: with rows w_s of its kernel (one a class), its inputs φ and the loss Hessian's
 * blocks H_ss', κ = Σ ⟨w_s, w_s'⟩ Tr(H_ss'), which no rescaling of units changes (Walter, Adilova, Vreeken, Kamp 2024, arXiv
 * 2405.16918). For cross-entropy the Hessian has a closed form, so one forward pass is enough:
 *
 *   κ = mean over examples of ‖φ‖² ( Σ_s p_s ‖w_s‖² − ‖Σ_s p_s w_s‖² ),   p = softmax of the logits
 *
 * `visitHead` gives φ and the logits. The bias is no part of it. NaN for no examples. Throws `model_invalid` unless the last
 * block begins with a kernel [inputs, classes].
 */
export async function headSharpness(layout: LayerLayout, params: Params, visitHead: VisitActivations): Promise<number> {
  const head = layout.blocks.at(-1)
  const [inputs, classes, ...further] = head?.tensors[0]?.shape ?? []
  if (!head || inputs === undefined || classes === undefined || further.length > 0)
    throw new FedError('model_invalid', {
      expected: 'a fully connected output layer',
      received: `${head?.name} [${head?.tensors[0]?.shape.join(', ')}]`,
    })
  const gram = gramOf(tensorViews(params, head)[0]!, inputs, classes)
  let [sum, count] = [0, 0]
  await visitHead([params], ({ rows, outputs }) => {
    const [phi, logits] = outputs[0]!
    for (let row = 0; row < rows; row++) {
      const p = softmax(rowOf(logits!, rows, row))
      const squared = rowOf(phi!, rows, row).reduce((total, value) => total + value * value, 0)
      let spread = 0
      for (let s = 0; s < classes; s++) {
        spread += p[s]! * gram[s * classes + s]!
        for (let other = 0; other < classes; other++) spread -= p[s]! * p[other]! * gram[s * classes + other]!
      }
      sum += squared * spread
    }
    count += rows
  })
  return sum / count
}

/** ⟨w_s, w_s'⟩, float64[classes · classes], of a kernel [inputs, classes]. */
function gramOf(kernel: Float32Array, inputs: number, classes: number): Float64Array {
  const gram = new Float64Array(classes * classes)
  for (let i = 0; i < inputs; i++)
    for (let s = 0; s < classes; s++)
      for (let other = 0; other < classes; other++)
        gram[s * classes + other] = gram[s * classes + other]! + kernel[i * classes + s]! * kernel[i * classes + other]!
  return gram
}

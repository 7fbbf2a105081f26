/** How often each class occurs in `labels`, or in `labels[indices]`: number[numClasses]. */
export function countLabels(labels: Uint8Array, numClasses: number, indices?: Uint32Array): readonly number[] {
  const counts = new Array<number>(numClasses).fill(0)
  if (indices) for (let i = 0; i < indices.length; i++) counts[labels[indices[i]!]!]!++
  else for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++
  return counts
}

/** The indices of each class, ascending; entry c holds those of class c. Classes above the largest label have no entry. */
export function indicesByClass(labels: Uint8Array): readonly Uint32Array[] {
  const numClasses = labels.reduce((most, label) => Math.max(most, label), -1) + 1
  const groups = countLabels(labels, numClasses).map(count => new Uint32Array(count))
  const filled = new Uint32Array(numClasses)
  labels.forEach((label, index) => {
    groups[label]![filled[label]!++] = index
  })
  return groups
}

/** All n! permutations of 0 … n − 1. */
export function permutationsOf(n: number): readonly (readonly number[])[] {
  if (n === 0) return [[]]
  return permutationsOf(n - 1).flatMap(shorter =>
    Array.from({ length: n }, (_, at) => [...shorter.slice(0, at), n - 1, ...shorter.slice(at)]),
  )
}

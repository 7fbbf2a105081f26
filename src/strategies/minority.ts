/** The most clients that are fewer than the others: of 5, and of 6, that is 2. */
export function minorityOf(clients: number): number {
  return Math.max(0, Math.floor((clients - 1) / 2))
}

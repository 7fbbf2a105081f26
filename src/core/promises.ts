/**
 * As `Promise.all`, but it waits for all, and of several failures throws the first in the order given and not the first in
 * time: what is wrong is said the same way each time.
 */
export async function firstFailing<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
  return Promise.all(promises)
}

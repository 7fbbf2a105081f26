/**
 * The text of a file: UTF-8, or what its byte order mark says, UTF-16 of either order (Windows PowerShell's `>` writes that).
 * The mark itself is no part of it. Null for bytes that are no text.
 */
export function textOf(bytes: Uint8Array): string | null {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
    return text.includes('\0') ? null : text
  } catch {
    return null
  }
}

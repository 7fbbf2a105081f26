const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EISDIR: 'a folder',
  ENOENT: 'no such file',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'a path through what is no folder',
  EPERM: 'no permission',
  EROFS: 'a disk that cannot be written',
}

/** What kept Node from a file, in words of ours where there are some: its own hold system calls and descriptors. */
export function fileTrouble(cause: unknown): string {
  const { code, message } = (cause ?? {}) as NodeJS.ErrnoException
  return WORDS[code ?? ''] ?? message ?? String(cause)
}

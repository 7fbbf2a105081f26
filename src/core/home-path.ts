/**
 * A path as a person writes it: `~` and what begins with `~/` lie in `home`. Shells do that only where they see a word of its
 * own: not in a run file, nor after `--out=`, nor in most files of environment variables. `~someone` is left as it is.
 */
export function inHome(path: string, home: string): string {
  if (path !== '~' && !/^~[/\\]/.test(path)) return path
  return home.replace(/[/\\]$/, '') + path.slice(1)
}

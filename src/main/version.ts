import { readFileSync } from 'node:fs'

/** The project's folder, seen from dist/src/main. */
export const projectRoot = new URL('../../../', import.meta.url)

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('package.json', projectRoot), 'utf8')) as { version: string }
  return version
}

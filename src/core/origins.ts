/** Names of this machine, as a URL's `hostname` has them: nobody else can make them lead elsewhere, or elsewhere lead to them. */
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/

/** The origin as browsers write it, "https://fed.example:8443"; null for anything else, a path or "*" say. */
export function parseOrigin(text: string): string | null {
  if (!URL.canParse(text)) return null
  const { origin, protocol, pathname, search, hash, username } = new URL(text)
  const isBare = pathname === '/' && search === '' && hash === '' && username === ''
  return isBare && (protocol === 'http:' || protocol === 'https:') ? origin : null
}

/**
 * Whether a page of `origin` (a header; undefined for a program) may do more than any page may: one that is listed, and
 * where `here`, one of this machine. By name, not by being equal to the host: names can be made to lead here.
 */
export function originRule(listed: readonly string[], { here }: { readonly here: boolean }) {
  const allowed = new Set(listed)
  return (origin: string | undefined): boolean => {
    if (origin === undefined || allowed.has(origin)) return true
    return here && URL.canParse(origin) && LOOPBACK.test(new URL(origin).hostname)
  }
}

/** Whether `host` (a header) names this machine, or the host of an origin that is listed. */
export function hostRule(listed: readonly string[]) {
  const names = new Set(listed.map(origin => new URL(origin).hostname))
  return (host: string | undefined): boolean => {
    if (host === undefined || !URL.canParse(`http://${host}`)) return false
    const { hostname } = new URL(`http://${host}`)
    return LOOPBACK.test(hostname) || names.has(hostname)
  }
}

/** A value as a run file has it on one line: YAML's flow style. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (value === null || typeof value !== 'object') return scalar(value)
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, part]) => `${key}: ${flow(part)}`).join(', ')} }`
}

/** Words as they are; what YAML would read as something else in quotes. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return String(value)
  return /^[A-Za-z][\w/.-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value)
}

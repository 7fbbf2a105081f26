import assert from 'node:assert/strict'

export interface Family {
  readonly type: string
  readonly help: string
  /** By name and labels, as written: fedstrata_updates_total{status="completed"}. */
  readonly series: ReadonlyMap<string, number>
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (NaN|[+-]Inf|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)$`)

/**
 * The text format 0.0.4, read strictly (prometheus.io/docs/instrumenting/exposition_formats): HELP and TYPE once and before
 * the samples of their family, which stand together; no series twice; buckets that add up.
 */
export function parsePrometheus(text: string): ReadonlyMap<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends')
  const families = new Map<string, Family & { series: Map<string, number> }>()
  let help: [name: string, text: string] | null = null
  let name = ''
  for (const line of text.split('\n').filter(line => line !== '')) {
    const described = /^# HELP (\S+) (.+)$/.exec(line)
    const typed = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line)
    if (described) help = [described[1]!, described[2]!]
    else if (typed) {
      name = typed[1]!
      assert.equal(help?.[0], name, `HELP before TYPE: ${line}`)
      assert.ok(!families.has(name), `once: ${line}`)
      families.set(name, { type: typed[2]!, help: help![1], series: new Map() })
    } else {
      const [, sampled = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
      const family = families.get(name)
      assert.ok(family, `TYPE before samples: ${line}`)
      const ends =
        family.type === 'histogram'
          ? ['_bucket', '_sum', '_count']
          : ['', '_sum', '_count'].slice(0, family.type === 'summary' ? 3 : 1)
      assert.ok(
        ends.some(end => sampled === name + end),
        `a sample of ${name}: ${line}`,
      )
      assert.ok(!family.series.has(sampled + labels), `once: ${line}`)
      family.series.set(sampled + labels, Number(value.replace('Inf', 'Infinity')))
    }
  }
  for (const [family, { type, series }] of families) if (type === 'histogram') requireBuckets(family, series)
  return families
}

function requireBuckets(name: string, series: ReadonlyMap<string, number>): void {
  const groups = new Map<string, [le: number, count: number][]>()
  for (const [key, count] of series) {
    const le = /^(\w+)_bucket\{le="([^"]+)"(?:,(.*))?\}$/.exec(key)
    if (le)
      groups.set(le[3] ?? '', [...(groups.get(le[3] ?? '') ?? []), [Number(le[2]!.replace('+Inf', 'Infinity')), count]])
  }
  for (const [labels, buckets] of groups) {
    const counts = buckets.toSorted((a, b) => a[0] - b[0]).map(([, count]) => count)
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      `buckets of ${name} add up`,
    )
    assert.equal(counts.at(-1), series.get(`${name}_count${labels === '' ? '' : `{${labels}}`}`), `+Inf of ${name}`)
  }
}

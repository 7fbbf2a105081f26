import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseXml } from '../figures/xml.ts'
import { addRound, addRun, barrierRecords, metricRecords } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

test('metrics are filtered by key, layer, client, split and rounds', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  for (const round of [1, 2, 3]) await addRound(deps, 'a', round)
  const rows = async (query: string) => (await send(`/api/v1/runs/a/metrics?${query}`)).json().items
  const all = [1, 2, 3].flatMap(round => metricRecords(round))
  assert.deepEqual(await rows(''), all)
  assert.deepEqual(
    await rows('key=eval/accuracy'),
    all.filter(row => row.key === 'eval/accuracy'),
  )
  assert.deepEqual(
    await rows('layer=fc1%2C%20%22first%22'),
    all.filter(row => row.layer !== null),
  )
  assert.deepEqual(
    await rows('client=1'),
    all.filter(row => row.client === 1),
  )
  assert.deepEqual(
    await rows('split=train'),
    all.filter(row => row.split === 'train'),
  )
  assert.deepEqual(
    await rows('from=2'),
    all.filter(row => row.round >= 2),
  )
  assert.deepEqual(await rows('from=2&to=2'), metricRecords(2))
  assert.deepEqual(await rows('key=eval/accuracy&to=1&split=test'), metricRecords(1).slice(0, 1))
})

test('barriers are filtered by path, layer, round and split', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  for (const round of [1, 2]) await addRound(deps, 'a', round)
  const rows = async (query: string) => (await send(`/api/v1/runs/a/barriers?${query}`)).json().items
  const all = [1, 2].flatMap(round => barrierRecords(round))
  assert.deepEqual(await rows(''), all)
  assert.deepEqual(
    await rows('path=full'),
    all.filter(row => row.path === 'full'),
  )
  assert.deepEqual(await rows('layer=fc1&round=2'), barrierRecords(2).slice(1))
  assert.deepEqual(await rows('split=train'), [])
  assert.deepEqual(await rows('split=test'), all)
})

test('clients are listed with their label counts, in pages', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const clients = [0, 1, 2].map(client => ({ client, numTrain: 10, numTest: 5, labelCounts: [client, 10 - client] }))
  await deps.store.saveClients('a', clients)
  const first = await send('/api/v1/runs/a/clients?limit=2')
  assert.deepEqual(first.json().items, clients.slice(0, 2))
  const next = /<([^>]+)>/.exec(String(first.headers.link))?.[1] ?? ''
  assert.deepEqual((await send(next)).json(), { items: clients.slice(2), nextCursor: null })
})

test('the next page keeps the filters of the first', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  for (const round of [1, 2, 3]) await addRound(deps, 'a', round)
  const first = await send('/api/v1/runs/a/metrics?limit=1&from=2&key=eval%2Faccuracy')
  const next = /<([^>]+)>/.exec(String(first.headers.link))?.[1] ?? ''
  assert.deepEqual((await send(next)).json(), { items: metricRecords(3).slice(0, 1), nextCursor: null })
})

test('CSV holds every row: a header, numbers in full precision, null as empty, quotes doubled, lists as JSON', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  const metrics = await send('/api/v1/runs/a/metrics?format=csv')
  assert.match(String(metrics.headers['content-type']), /^text\/csv/)
  assert.match(String(metrics.headers['content-disposition']), /filename="metrics-a\.csv"/)
  assert.deepEqual(metrics.body.split('\r\n'), [
    'round,key,value,client,layer,split',
    '1,eval/accuracy,0.30000000000000004,,,test',
    '1,train/loss,,1,,train',
    '1,drift/l2,1e-21,,"fc1, ""first""",',
    '',
  ])
  const barriers = (await send('/api/v1/runs/a/barriers?format=csv&path=layer')).body.split('\r\n')
  assert.deepEqual(barriers, [
    'round,path,layer,layers,order,base,between,split,interpolation,loss,error,endpointLoss,endpointError,lossBarrier,errorBarrier,distance,cosine,probe',
    '1,layer,fc1,"[""fc1""]",,1,"[""client/0"",""client/1""]",test,"[0,0.5,1]","[0.25,null,0.75]",' +
      '"[0,0.3333333333333333,0.5]","[0.25,0.75]","[0,0.5]",,0.08333333333333331,1.5,,',
    '',
  ])
})

test('exports hold all rows, whatever the limit: more than one page of the store, each row once and in order', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a', 1)
  const commit = await addRound(deps, 'a', 1)
  await addRun(deps.store, 'big', 1)
  const metrics = Array.from({ length: 2345 }, (_, index) => ({ ...metricRecords(1)[0]!, value: index }))
  await deps.store.commitRound('big', { ...commit, metrics })
  const values = (text: string) =>
    text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).value as number)
  const wanted = metrics.map(row => row.value)
  for (const query of ['format=ndjson', 'format=ndjson&limit=7']) {
    const response = await send(`/api/v1/runs/big/metrics?${query}`)
    assert.match(String(response.headers['content-type']), /^application\/x-ndjson/)
    assert.deepEqual(values(response.body), wanted, query)
  }
  const csv = (await send('/api/v1/runs/big/metrics?format=csv')).body.trim().split('\r\n')
  assert.deepEqual(
    csv.slice(1).map(line => Number(line.split(',')[2])),
    wanted,
  )
  const { nextCursor } = (await send('/api/v1/runs/big/metrics?limit=1000')).json()
  assert.deepEqual(
    values((await send(`/api/v1/runs/big/metrics?format=ndjson&cursor=${nextCursor}`)).body),
    wanted.slice(1000),
  )
})

test('NDJSON rows are the rows of the JSON list', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  const lines = (await send('/api/v1/runs/a/barriers?format=ndjson')).body.trim().split('\n')
  assert.deepEqual(
    lines.map(line => JSON.parse(line)),
    barrierRecords(1),
  )
})

test('an empty list is a header in CSV and nothing in NDJSON', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  assert.equal((await send('/api/v1/runs/a/metrics?format=csv')).body, 'round,key,value,client,layer,split\r\n')
  assert.equal((await send('/api/v1/runs/a/metrics?format=ndjson')).body, '')
})

test('the Accept header chooses the format, ?format= overrides it, and what is not there is 406', async t => {
  const { app, deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  const url = '/api/v1/runs/a/metrics'
  const csv = await send({ url, headers: { accept: 'text/csv' } })
  assert.match(String(csv.headers['content-type']), /^text\/csv/)
  assert.equal(csv.headers['vary'], 'accept')
  const overridden = await send({ url: `${url}?format=json`, headers: { accept: 'text/csv' } })
  assert.match(String(overridden.headers['content-type']), /^application\/json/)
  const { expected } = problem(await send({ url, headers: { accept: 'text/html' } }), 406, 'not_acceptable')
  assert.match(expected ?? '', /text\/csv/)
  problem(await send(`${url}?format=xml`), 400, 'input_invalid')
  const head = await app.inject({ method: 'HEAD', url: `${url}?format=csv` })
  assert.deepEqual([head.statusCode, head.body], [200, ''])
})

test('errors of an export still have a status: they come before the first row', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  problem(await send('/api/v1/runs/nobody/metrics?format=csv'), 404, 'run_not_found')
  problem(await send('/api/v1/runs/a/metrics?format=csv&cursor=nonsense'), 400, 'input_invalid')
})

test('the history of barriers is a matrix, as JSON and as CSV; other formats are refused', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  for (const round of [1, 2]) await addRound(deps, 'a', round)
  const url = '/api/v1/runs/a/barriers/matrix'
  // Midpoint and ends are 1/3, 0 and ½: of the full path and of fc1 alike.
  const height = 1 / 3 - 1 / 4
  const matrix = {
    rows: ['full', 'fc1'],
    rounds: [1, 2],
    values: [0, 1].map(() => [height, height]),
    pairs: [0, 1].map(() => [1, 1]),
    probes: [0, 1].map(() => [null, null]),
  }
  assert.deepEqual((await send(url)).json(), matrix)
  const loss = [0, 1].map(() => [null, null])
  assert.deepEqual((await send(`${url}?value=loss`)).json(), { ...matrix, values: loss })
  assert.deepEqual((await send(`${url}?base=2`)).json().rows, ['full'])

  const csv = await send({ url, headers: { accept: 'text/csv' } })
  assert.equal(csv.body, `layer,1,2\r\nfull,${height},${height}\r\nfc1,${height},${height}\r\n`)
  assert.equal(csv.headers['content-disposition'], 'attachment; filename="matrix-a.csv"')
  assert.equal((await send(`${url}?format=csv&value=loss`)).body, 'layer,1,2\r\nfull,,\r\nfc1,,\r\n')
  problem(await send({ url, headers: { accept: 'application/x-ndjson' } }), 406, 'not_acceptable')
  problem(await send(`${url}?path=full`), 400, 'input_invalid')
  problem(await send(`${url}?between=init`), 404, 'barriers_missing')
  problem(await send(`${url}?split=train&format=csv`), 404, 'barriers_missing')
  problem(await send('/api/v1/runs/a/figures/barriers.svg?path=cumulative&order=deep'), 404, 'barriers_missing')
  for (const place of ['matrix', '']) problem(await send(`/api/v1/runs/a/barriers/${place}?probe=44`.replace('/?', '?')), 404, 'probe_not_found') // biome-ignore format: one line
  problem(await send('/api/v1/runs/a/figures/barriers.svg?probe=44'), 404, 'probe_not_found')
  problem(await send('/api/v1/runs/nobody/barriers/matrix'), 404, 'run_not_found')
})

test('the history of barriers is drawn too, with a panel for each base, in a page that may load nothing', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  const drawn = await send('/api/v1/runs/a/figures/barriers.svg')
  assert.equal(drawn.headers['content-type'], 'image/svg+xml; charset=utf-8')
  assert.match(String(drawn.headers['content-security-policy']), /^default-src 'none'; style-src 'unsafe-inline'/)
  const words = parseXml(drawn.body).map(({ text }) => text)
  for (const word of ['fc1', '0.083', 'Base 1: into the first model', 'Base 2: into the second model'])
    assert.ok(words.includes(word), word)
  const loss = await send('/api/v1/runs/a/figures/barriers.svg?value=loss&base=mean')
  assert.doesNotMatch(loss.body, /0\.083|Base 2/)
  problem(await send('/api/v1/runs/nobody/figures/barriers.svg'), 404, 'run_not_found')
})

test('curves, cumulative barriers and accuracies are drawn in pages that may load nothing; what is not there is said', async t => {
  const { deps, send } = await harness(t)
  for (const id of ['a', 'b']) await addRun(deps.store, id)
  for (const round of [1, 2]) await addRound(deps, 'a', round)
  const figures = '/api/v1/runs/a/figures'
  const curves = await send(`${figures}/interpolation.svg?round=1&base=1&layers=fc1`)
  const words = parseXml(curves.body).map(({ text }) => text)
  for (const word of ['Error along the paths, round 1', 'full', 'fc1', 'fc1, 0.5: 0.333'])
    assert.ok(words.includes(word), word)
  const both = await send(`${figures}/accuracy.svg?with=b`)
  assert.ok(['run a', 'run b', 'run a, 2: 0.300'].every(word => parseXml(both.body).some(({ text }) => text === word)))
  for (const { headers } of [curves, both]) {
    assert.equal(headers['content-type'], 'image/svg+xml; charset=utf-8')
    assert.match(String(headers['content-security-policy']), /^default-src 'none'; style-src 'unsafe-inline'/)
  }
  const { expected } = problem(await send(`${figures}/interpolation.svg?round=9`), 404, 'barriers_missing')
  assert.match(expected ?? '', /: 1-2$/)
  problem(await send(`${figures}/cumulative.svg`), 404, 'barriers_missing')
  problem(await send(`${figures}/cumulative.svg?rounds=x`), 400, 'input_invalid')
  problem(await send(`${figures}/cumulative.svg?orders=deep,upward`), 400, 'input_invalid')
  problem(await send(`${figures}/interpolation.svg?round=1e3`), 400, 'input_invalid')
  problem(await send(`${figures}/accuracy.svg?with=nobody`), 404, 'run_not_found')
})

test('runs are compared as JSON and as CSV; an unknown one and none are refused, and one named twice counts once', async t => {
  const { deps, send } = await harness(t)
  for (const id of ['a', 'b']) await addRun(deps.store, id)
  await addRound(deps, 'a', 1)
  const url = '/api/v1/comparison'
  const { differing, runs, groups } = (await send(`${url}?runs=a,b`)).json()
  assert.deepEqual([differing, runs.length, groups.length], [[], 2, 1])
  assert.deepEqual([runs[0].accuracy, runs[1].accuracy, groups[0].runs], [0.1 + 0.2, null, ['a', 'b']])
  const csv = await send({ url: `${url}?runs=a,b`, headers: { accept: 'text/csv' } })
  assert.match(csv.body, /^run,name,.*\r\na,run a,.*\r\nb,run b,.*\r\n$/)
  assert.match((await send(`${url}?runs=a,b&rows=groups&format=csv`)).body, /^runs,seeds,name,.*\r\n"\[""a"",""b""\]"/)
  problem(await send(`${url}?runs=a,nobody`), 404, 'run_not_found')
  problem(await send(url), 400, 'input_invalid')
  assert.equal((await send(`${url}?runs=a,a`)).json().runs.length, 1)
  problem(await send({ url: `${url}?runs=a`, headers: { accept: 'image/png' } }), 406, 'not_acceptable')
})

test('a metric key that there is not is refused with the one that was meant; one of an older version is read where it is stored', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  const wrong = await send('/api/v1/runs/a/metrics?key=drift%2Fcosin')
  const { issues } = problem(wrong, 400, 'input_invalid')
  assert.match(issues![0]!.message, /"drift\/cosin"\. Did you mean "drift\/cosine"\?/)
  problem(await send('/api/v1/runs/nobody/metrics?key=drift%2Fcosin'), 404, 'run_not_found')
  assert.equal((await send('/api/v1/runs/a/metrics?key=privacy%2Fepsilon')).statusCode, 200)
  const old = { ...metricRecords(1)[0]!, key: 'barrier/old' as 'eval/loss' }
  const { metrics } = deps.store
  deps.store.metrics = async (run, query) =>
    (query.key as string) === 'barrier/old' ? { items: [old], nextCursor: null } : metrics(run, query)
  const read = await send('/api/v1/runs/a/metrics?key=barrier%2Fold')
  assert.deepEqual([read.statusCode, read.json().items], [200, [old]])
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { createRng } from '../../src/core/rng.ts'
import type { StateTree } from '../../src/core/state-tree.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { createHypernetwork } from '../../src/strategies/personal/hypernetwork.ts'
import { ENGINES, RELATIVE_TOLERANCE, SKIP, useEngine } from './engines.ts'
import { assertClose, layout, rng, round, strategyOf } from './fixtures.ts'

const CLIENTS = 14 // the fixtures' clients are 1, 4, 7, 10, 13
const [EMBEDDING, HIDDEN, RATE] = [3, 4, 0.4]
const L = layout.blocks.length

type Net = number[]

/** Embedding, three dense ReLU layers, and a dense ReLU output for each layer of the model: kernels by rows, bias behind each. */
function outputsOf(net: Net): number[][] {
  let at = 0
  const take = (count: number) => {
    at += count
    return net.slice(at - count, at)
  }
  const dense = (x: number[], units: number) => {
    const kernel = take(x.length * units)
    return take(units).map((bias, u) =>
      Math.max(
        0,
        x.reduce((sum, value, i) => sum + value * kernel[i * units + u]!, bias),
      ),
    )
  }
  let x = take(EMBEDDING)
  for (let l = 0; l < 3; l++) x = dense(x, HIDDEN)
  return Array.from({ length: L }, () => dense(x, CLIENTS))
}

/** The weights that a client has in each layer, over those that were heard. */
function weightsOf(net: Net, client: number, heard: readonly number[], keepLocal: number): number[][] {
  const self = heard.map(j => Number(j === client))
  const rows = outputsOf(net).map(output => {
    const sum = heard.reduce((total, j) => total + output[j]!, 0)
    return sum > 0 ? heard.map(j => output[j]! / sum) : self
  })
  const own = rows.map((row, l) => ({ l, share: row[heard.indexOf(client)]! }))
  const local = own.sort((a, b) => b.share - a.share || a.l - b.l).slice(0, keepLocal)
  return rows.map((row, l) => (local.some(each => each.l === l) ? self : row))
}

const mixOf = (weights: number[][], models: readonly ArrayLike<number>[]) =>
  layout.blocks.flatMap(({ offset, size }, l) =>
    Array.from({ length: size }, (_, i) =>
      models.reduce((sum, model, j) => sum + weights[l]![j]! * model[offset + i]!, 0),
    ),
  )

for (const engine of ENGINES)
  for (const keepLocal of [0, 2])
    describe(`pFedLA on ${engine}, ${keepLocal} layers kept local`, { skip: SKIP[engine] }, () => {
      it('mixes the clients’ layers, and moves the networks’ weights down the slope, as float64 loops do', async () => {
        await useEngine(engine)
        const strategy = strategyOf({
          personal: { name: 'pfedla', keepLocal, embedding: EMBEDDING, hidden: HIDDEN, rate: RATE },
        })
        const nets = new Map<number, Net>()
        const models = new Map<number, Float32Array>()
        let mixes = new Map<number, number[]>()
        let state: StateTree = null
        const seen = { steps: 0, kinks: 0, moved: 0 }
        for (const [index, absent] of [3, 0, 2, 1].entries()) {
          const { global, members } = round(`personal ${index}`, 5)
          const cohort = members
            .filter((_, k) => k !== absent)
            .map(({ client, numExamples, params }): Member => {
              const mix = mixes.get(client)
              const start = mix ? Float32Array.from(mix) : global
              // Not far from the start, as after training.
              return { client, numExamples, start, params: start.map((value, i) => value + 0.5 * params[i]!) }
            })
          const tensors = tf.memory().numTensors
          const result = await aggregate(strategy, {
            ...{ round: index + 1, layout, global, state, rng, totalClients: CLIENTS },
            members: cohort.toReversed(),
          })
          assert.equal(tf.memory().numTensors, tensors)
          state = result.state

          const before = [...models.keys()].sort((a, b) => a - b)
          for (const { client, params, start } of cohort) {
            const net = nets.get(client)
            if (net) {
              const old = before.map(j => models.get(j)!)
              // ⟨θ̄ − θ, mix⟩, whose gradient at the mix that was sent is the step's.
              const slope = (changed: Net) => {
                const kept = weightsOf(net, client, before, keepLocal)
                const weights = weightsOf(changed, client, before, 0)
                const own = kept.map(row => keepLocal > 0 && row.every(value => value === 0 || value === 1))
                const mix = mixOf(
                  weights.map((row, l) => (own[l] ? kept[l]! : row)),
                  old,
                )
                return mix.reduce((sum, value, i) => sum + (start![i]! - params[i]!) * value, 0)
              }
              const next = net.map((value, p) => {
                const at = (to: number) => slope(net.map((other, q) => (q === p ? to : other)))
                const [h, here] = [1e-5, at(value)]
                const [up, down] = [(at(value + h) - here) / h, (here - at(value - h)) / h]
                // At a kink of a ReLU there is no slope to compare with.
                if (Math.abs(up - down) > 1e-3 * Math.max(1, Math.abs(up))) {
                  seen.kinks++
                  return Number.NaN
                }
                seen.steps += Number(Math.abs(up + down) > 1e-6)
                return value - (RATE * (up + down)) / 2
              })
              const stored = netsOf(state)[client]!
              for (const [p, value] of next.entries())
                if (!Number.isNaN(value)) {
                  assert.ok(Math.abs(stored[p]! - value) < 2e-4, `parameter ${p}: ${stored[p]} instead of ${value}`)
                  seen.moved += Number(Math.abs(value - net[p]!) > 1e-3)
                }
              nets.set(client, [...stored])
            } else {
              const shape = { embedding: EMBEDDING, hidden: HIDDEN, depth: 3, outputs: L, width: CLIENTS }
              const fresh = createHypernetwork(shape, createRng(1).fork(`pfedla/client/${client}`))
              assert.deepEqual(netsOf(state)[client], fresh)
              nets.set(client, [...fresh])
            }
          }
          for (const { client, params } of cohort) models.set(client, params)
          const heard = [...models.keys()].sort((a, b) => a - b)
          const all = heard.map(j => models.get(j)!)
          mixes = new Map(heard.map(k => [k, mixOf(weightsOf(nets.get(k)!, k, heard, keepLocal), all)]))
          assert.deepEqual([...result.own.keys()], heard)
          const scale = Array.from(global, (_, i) => Math.max(...all.map(model => Math.abs(model[i]!))))
          for (const [client, blocks] of result.own)
            assertClose(
              layout.blocks.flatMap(({ name }) => [...blocks.get(name)!]),
              mixes.get(client)!,
              4 * RELATIVE_TOLERANCE[engine],
              scale,
            )
        }
        assert.ok(seen.steps > 300 && seen.moved > 50 && seen.kinks < seen.steps / 10, JSON.stringify(seen))
      })
    })

function netsOf(state: StateTree): Readonly<Record<string, Float32Array>> {
  return (state as unknown as { personal: { nets: Record<string, Float32Array> } }).personal.nets
}

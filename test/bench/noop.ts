import type { RoundRecord } from '../../src/core/records.ts'
import type { Bench } from './benches.ts'
import { ms, noopRun, onStage, quantile, simulateNoop } from './stage.ts'

/** Coordination alone: no training, no evaluation, only tasks out, updates in, averaging and the commit. */
export const noop: Bench = {
  what: '100 of 100 clients that do nothing, 109,386 parameters, 2 client processes, 20 rounds after a warm-up of 5',
  run: () =>
    onStage(async coordinator => {
      const rounds: RoundRecord[] = []
      let down = 0
      await simulateNoop(coordinator, noopRun(100, 100, 25), notice => {
        if (notice.type !== 'round') return
        rounds.push(notice.record)
        down = notice.bytes.down
      })
      const measured = rounds.slice(5)
      const durations = measured.map(({ durationMs }) => durationMs)
      const wall = Date.parse(measured.at(-1)!.endedAt) - Date.parse(rounds[4]!.endedAt)
      const mean = (phase: keyof RoundRecord['phases']) =>
        ms(measured.reduce((sum, { phases }) => sum + phases[phase], 0) / measured.length)
      return {
        'round, wall, commit included': ms(wall / measured.length),
        'round, median': ms(quantile(durations, 0.5)),
        'round, p95': ms(quantile(durations, 0.95)),
        'dispatch / train / collect': `${mean('dispatch')} / ${mean('train')} / ${mean('collect')}`,
        'aggregate / evaluate': `${mean('aggregate')} / ${mean('evaluate')}`,
        'sent down a round': `${down} bytes = ${(down / (4 * 109_386)).toFixed(2)} × the model`,
      }
    }),
}

import { type Check, near } from '../check.ts'

/** d of each layer of one parameter: two clients that lie √d to either side of their mean. */
const DISCREPANCIES = [1, 2, 4, 8]

export const fedlama: Check = {
  number: 17,
  id: 'fedlama',
  title: 'FedLAMA lets the layers wait on which clients agree, as worked out by hand',
  source: 'Lee et al. 2023, Algorithm 2, read strictly: the layer at the crossing does not wait (their code lets it)',
  needs: [],
  quick: true,
  settings: () => ({
    others: {
      measured: `two clients at ± √d from a global model of 0 in ${DISCREPANCIES.length} layers of one parameter, d = ${DISCREPANCIES.join(', ')}; FedLAMA with interval 1 and factor 2; which layers round 3 averages`,
    },
  }),
  async run(context) {
    const half = DISCREPANCIES.map(Math.sqrt)
    // Intervals are chosen in round 2 and go into effect in round 3: layers that wait are not averaged there.
    const { averaged } = await context.compute('FedLAMA', 'average', {
      strategy: { select: { name: 'fedlama', interval: 1, factor: 2 } },
      ...{ sizes: DISCREPANCIES.map(() => 1), updates: [half, half.map(value => -value)], rounds: 3 },
    })
    const total = DISCREPANCIES.reduce((sum, d) => sum + d, 0)
    let taken = 0
    const rows = DISCREPANCIES.map((d, i) => {
      taken += d / total
      const name = `fc${i + 1}`
      return [name, d, taken, 1 - (i + 1) / DISCREPANCIES.length, averaged.includes(name) ? 'no' : 'yes']
    })
    return {
      measurements: [
        near(
          'layers that wait, of discrepancies 1, 2, 4 and 8',
          DISCREPANCIES.length - averaged.length,
          2,
          0,
          'three by their code',
        ),
        near('of them fc1 and fc2', ['fc1', 'fc2'].filter(name => !averaged.includes(name)).length, 2, 0),
      ],
      tables: [
        {
          title: 'Share of the discrepancy that is taken on, and of the parameters that is left',
          header: ['layer', 'discrepancy', 'taken on', 'left', 'waits'],
          rows,
        },
      ],
    }
  },
}

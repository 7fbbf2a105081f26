import { z } from 'zod'
import type { Component } from '../../core/registry.ts'
import { breadcrumbs as breadcrumbsFilter } from '../filters/breadcrumbs.ts'
import { dare as dareFilter } from '../filters/dare.ts'
import { normClip as normClipFilter } from '../filters/norm-clip.ts'
import { pfedla as pfedlaPersonal } from '../personal/pfedla.ts'
import { adaMerging as adaMergingReducer } from '../reducers/ada-merging.ts'
import { bulyan as bulyanReducer } from '../reducers/bulyan.ts'
import { centeredClip as centeredClipReducer } from '../reducers/centered-clip.ts'
import { elastic as elasticReducer } from '../reducers/elastic.ts'
import { fedldf as fedldfReducer } from '../reducers/fed-ldf.ts'
import { fedlws as fedlwsReducer } from '../reducers/fed-lws.ts'
import { fisher as fisherReducer } from '../reducers/fisher.ts'
import { geometricMedian as geometricMedianReducer } from '../reducers/geometric-median.ts'
import { krum as krumReducer } from '../reducers/krum.ts'
import { ldawa as ldawaReducer } from '../reducers/l-dawa.ts'
import { magMax as magMaxReducer } from '../reducers/mag-max.ts'
import { median as medianReducer } from '../reducers/median.ts'
import { modelStock as modelStockReducer } from '../reducers/model-stock.ts'
import { multiKrum as multiKrumReducer } from '../reducers/multi-krum.ts'
import { regMean as regMeanReducer } from '../reducers/reg-mean.ts'
import { slerp as slerpReducer } from '../reducers/slerp.ts'
import { taskArithmetic as taskArithmeticReducer } from '../reducers/task-arithmetic.ts'
import { trimmedMean as trimmedMeanReducer } from '../reducers/trimmed-mean.ts'
import { barrier as barrierSelector } from '../selectors/barrier.ts'
import { fedlama as fedlamaSelector } from '../selectors/fedlama.ts'
import { playerfl as playerflSelector } from '../selectors/player-fl.ts'
import { adagrad } from '../server/adagrad.ts'
import { adam } from '../server/adam.ts'
import { lines as linesPart } from '../server/lines.ts'
import { momentum } from '../server/momentum.ts'
import { yogi } from '../server/yogi.ts'
import type { Preset, Section, StrategyParts } from './preset.ts'

/** Presets that are FedAvg with one part of it replaced, and take that part's options. */
export const fedavgm = withPart('fedavgm', 'FedAvg with server momentum (Hsu et al. 2019).', 'server', momentum)
export const fedadam = withPart('fedadam', 'FedAvg with Adam on the server (Reddi et al. 2021).', 'server', adam)
export const fedadagrad = withPart(
  'fedadagrad',
  'FedAvg with Adagrad on the server (Reddi et al. 2021).',
  'server',
  adagrad,
)
export const fedyogi = withPart('fedyogi', 'FedAvg with Yogi on the server (Reddi et al. 2021).', 'server', yogi)
export const median = withPart('median', 'Coordinate-wise median (Yin et al. 2018).', 'reduce', medianReducer)
export const trimmedMean = withPart(
  'trimmedMean',
  'Coordinate-wise trimmed mean (Yin et al. 2018).',
  'reduce',
  trimmedMeanReducer,
)
export const normClip = withPart('normClip', 'FedAvg of clipped updates (Sun et al. 2019).', 'filters', normClipFilter)
export const breadcrumbs = withPart(
  'breadcrumbs',
  'FedAvg of updates without outliers and small changes (Davari and Belilovsky 2023).',
  'filters',
  breadcrumbsFilter,
)
export const dare = withPart('dare', 'FedAvg of randomly thinned updates (Yu et al. 2024).', 'filters', dareFilter)
export const krum = withPart('krum', 'The most central update (Blanchard et al. 2017).', 'reduce', krumReducer)
export const multiKrum = withPart(
  'multiKrum',
  'Mean of the most central updates (Blanchard et al. 2017).',
  'reduce',
  multiKrumReducer,
)
export const bulyan = withPart(
  'bulyan',
  'Krum, then a mean near the median (El Mhamdi et al. 2018).',
  'reduce',
  bulyanReducer,
)
export const geometricMedian = withPart(
  'geometricMedian',
  'Geometric median of the updates (RFA, Pillutla et al. 2022).',
  'reduce',
  geometricMedianReducer,
)
export const centeredClip = withPart(
  'centeredClip',
  'Mean of updates clipped around a centre (Karimireddy et al. 2021).',
  'reduce',
  centeredClipReducer,
)
export const taskArithmetic = withPart(
  'taskArithmetic',
  'Scaled sum of the updates (Ilharco et al. 2023).',
  'reduce',
  taskArithmeticReducer,
)
export const magMax = withPart(
  'magMax',
  'Largest change of each weight (Marczak et al. 2024).',
  'reduce',
  magMaxReducer,
)
export const modelStock = withPart(
  'modelStock',
  'Mean, shortened as far as updates disagree (Jang et al. 2024).',
  'reduce',
  modelStockReducer,
)
export const slerp = withPart('slerp', 'Spherical interpolation of the clients’ models.', 'reduce', slerpReducer)
export const fisher = withPart(
  'fisher',
  'Each weight from those whose data depend on it (Matena and Raffel 2022).',
  'reduce',
  fisherReducer,
)
export const regMean = withPart(
  'regMean',
  'Dense layers with the clients’ outputs on their data (Jin et al. 2023).',
  'reduce',
  regMeanReducer,
)
export const adaMerging = withPart(
  'adaMerging',
  'Updates scaled so that predictions on the coordinator’s data are sure (Yang et al. 2024).',
  'reduce',
  adaMergingReducer,
)
export const elastic = withPart(
  'elastic',
  'FedAvg with shorter steps where clients are sensitive (Chen et al. 2023).',
  'reduce',
  elasticReducer,
)
export const playerfl = withPart(
  'playerfl',
  'Layers behind a transition stay local (PLayer-FL).',
  'select',
  playerflSelector,
)
export const fedldf = withPart(
  'fedldf',
  'Each layer from the clients that moved it most (FedLDF).',
  'reduce',
  fedldfReducer,
)
export const ldawa = withPart(
  'ldawa',
  'Layers weighted by their angle to the global one (L-DAWA).',
  'reduce',
  ldawaReducer,
)
export const fedlws = withPart(
  'fedlws',
  'FedAvg, each layer shrunk as far as clients disagree (FedLWS).',
  'reduce',
  fedlwsReducer,
)
export const fedlama = withPart(
  'fedlama',
  'Layers that agree are averaged less often (Lee et al. 2023).',
  'select',
  fedlamaSelector,
)
export const barrierDriven = withPart(
  'barrierDriven',
  'Only layers without a barrier are averaged.',
  'select',
  barrierSelector,
)
export const pfedla = withPart(
  'pfedla',
  'FedAvg whose clients each get their own mix of layers (pFedLA, Ma et al. 2022).',
  'personal',
  pfedlaPersonal,
)
export const lines = withPart(
  'lines',
  'FedAvg with smaller steps in shallow layers (Wang et al. 2025).',
  'server',
  linesPart,
)

/** Sections that hold several parts. */
const LISTS: ReadonlySet<Section> = new Set(['filters', 'server'])

function withPart<N extends string, T extends { name: z.ZodLiteral } & z.ZodRawShape>(
  name: N,
  summary: string,
  section: Exclude<Section, 'layers' | 'exchange'>,
  part: Component<z.ZodObject<T, z.core.$strict>>,
): Preset<z.ZodObject<Omit<T, 'name'> & { name: z.ZodLiteral<N> }, z.core.$strict>> {
  const schema = z.strictObject({ ...part.schema.shape, name: z.literal(name) })
  return {
    name,
    summary,
    schema,
    sets: [section],
    expand(options) {
      const chosen = { ...options, name: part.name }
      return { [section]: LISTS.has(section) ? [chosen] : chosen } as StrategyParts
    },
  }
}

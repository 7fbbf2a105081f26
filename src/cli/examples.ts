/** What people type, two lines for each command: its help ends with them. By the words that name the command. */
export const EXAMPLES: Readonly<Record<string, readonly [string, string]>> = {
  simulate: [
    'fedstrata simulate examples/mnist.yaml --set rounds=10 --workers 4',
    "fedstrata simulate run.yaml --set 'strategy={ preset: fedprox }' --json > report.json",
  ],
  serve: ['fedstrata serve', 'FEDSTRATA_TOKEN=… fedstrata serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem'],
  client: [
    'FEDSTRATA_JOIN_TOKEN=… fedstrata client --url http://192.168.1.10:8080 --run RUN',
    'FEDSTRATA_JOIN_TOKEN=… fedstrata client --url https://fed.example --run latest --ca authority.pem',
  ],
  resume: ['fedstrata resume RUN', 'fedstrata resume RUN --set data.dir=/mnt/mnist'],
  probe: [
    'fedstrata probe RUN --rounds 1-5,10 --paths full,layer',
    'fedstrata probe RUN --interpolation 11 --examples 5000',
  ],
  analyze: [
    'fedstrata analyze a.safetensors b.safetensors --model mlp --data mnist-10k',
    'fedstrata analyze a.safetensors b.safetensors --run-file run.yaml --controls random,curvature --out report.json',
  ],
  engines: ['fedstrata engines', 'fedstrata engines --json'],
  doctor: ['fedstrata doctor', 'fedstrata doctor --port 8080 --tls-cert cert.pem --tls-key key.pem'],
  runs: ['fedstrata runs list', 'fedstrata runs show RUN'],
  'runs list': ['fedstrata runs list --status completed', 'fedstrata runs list --limit 5 --json'],
  'runs show': ['fedstrata runs show RUN', 'fedstrata runs show RUN --json'],
  'runs export': [
    'fedstrata runs export RUN barriers --format csv > barriers.csv',
    'fedstrata runs export RUN matrix --path layer --base 1',
  ],
  compare: ['fedstrata compare RUN RUN', 'fedstrata compare RUN RUN RUN --by-seed --format csv > runs.csv'],
  figure: ['fedstrata figure barriers RUN --out barriers.svg', 'fedstrata figure accuracy RUN RUN --out accuracy.svg'],
  'figure barriers': [
    'fedstrata figure barriers RUN --out barriers.svg',
    'fedstrata figure barriers RUN --base 1 > base-1.svg',
  ],
  'figure interpolation': [
    'fedstrata figure interpolation RUN --out paths.svg',
    'fedstrata figure interpolation RUN --round 5 --layers fc1,fc2 --out round-5.svg',
  ],
  'figure cumulative': [
    'fedstrata figure cumulative RUN --out cumulative.svg',
    'fedstrata figure cumulative RUN --rounds 1,3 --orders shallow,deep --out orders.svg',
  ],
  'figure accuracy': [
    'fedstrata figure accuracy RUN RUN --out accuracy.svg',
    'fedstrata figure accuracy RUN --value loss --out loss.svg',
  ],
  study: [
    'fedstrata study examples/studies/barrier-driven/study.yaml --figure study.svg',
    'fedstrata study study.yaml --set rounds=5 --json > study.json',
  ],
  privacy: ['fedstrata privacy run.yaml', 'fedstrata privacy run.yaml --noise 0.7,1,1.5'],
  demo: ['fedstrata demo', 'fedstrata demo --serve --port 8080'],
  reproduce: ['fedstrata reproduce --quick', 'fedstrata reproduce mlp-layers --mnist data/mnist --out report.md'],
}

import { Command } from 'commander'
import type { Speed } from '../../compute/speed.ts'
import { jsonOption } from '../options.ts'
import { type Cli, colorsFor, pairs, terminalWidth, write } from '../terminal.ts'

export function enginesCommand(cli: Cli): Command {
  return new Command('engines')
    .description('list the engines on this machine, with the self-test and speed of each')
    .addOption(jsonOption())
    .action(async ({ json }: { readonly json?: boolean }) => {
      const { inspect } = await import('../../main/inspect.ts')
      const engines = await inspect()
      if (json) return cli.print({ engines })
      const colors = colorsFor(cli.stdout, cli.variables)
      const blocks = engines.map(({ name, available, selfTest, problem, version, device, speed, summary }) => {
        const ready = available && selfTest === 'passed'
        const rows: [string, string][] = [[ready ? colors.green(name) : colors.yellow(name), summary]]
        if (device) rows.push(['device', `${device.description} (${device.kind})`])
        if (version) rows.push(['version', version])
        rows.push(['self-test', selfTest])
        if (speed) rows.push(['speed', described(speed)])
        if (problem) rows.push(['problem', problem])
        return pairs(rows, colors, terminalWidth(cli.stdout, cli.variables))
      })
      return write(cli.stdout, `${blocks.join('\n\n')}\n`)
    })
}

function described({ gemmGflops, stepMs }: Speed): string {
  return `${gemmGflops.toFixed(1)} GFLOP/s in a matrix product, ${stepMs < 10 ? stepMs.toPrecision(2) : stepMs.toFixed(0)} ms a training step of an MLP`
}

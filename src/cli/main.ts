#!/usr/bin/env node
import { runCli } from './run.ts'

const { argv, stdout, stderr, env: variables } = process
process.exitCode = await runCli(argv.slice(2), { stdout, stderr, variables })

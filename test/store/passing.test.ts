import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPassing } from '../../src/store/errors.ts'

test('a write is tried again while the database is locked, away, starting, ending or recovering, and for nothing else', () => {
  // The words of SQLite, Node and PostgreSQL 15 to 18 (postmaster/backend startup, SQLSTATE 57P01 … 57P03).
  for (const message of [
    'database is locked',
    'connect ECONNREFUSED 127.0.0.1:5432',
    'read ECONNRESET',
    'write EPIPE',
    'Connection terminated unexpectedly',
    'terminating connection due to administrator command',
    'timeout exceeded when trying to connect',
    'the database system is starting up',
    'the database system is shutting down',
    'the database system is in recovery mode',
    'the database system is not yet accepting connections',
    'the database system is not accepting connections',
  ])
    assert.ok(isPassing(new Error(message)), message)
  for (const message of [
    'database or disk is full',
    'attempt to write a readonly database',
    'relation "Run" does not exist',
  ])
    assert.ok(!isPassing(new Error(message)), message)
})

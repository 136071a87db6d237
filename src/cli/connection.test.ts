import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { findConnection } from './connection.ts'
import { firstKeyPath, readFirstKey, writeFirstKey } from './first-key.ts'

const KEY = {
  url: 'http://127.0.0.1:8091',
  apiKey: 'crl_first_token',
  workspaceId: 'w',
  operatorKey: null,
  agentId: null,
  number: null,
  trunkId: null,
}
let folder: string
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-cli-'))
  return () => fs.rmSync(folder, { recursive: true })
})

describe('the first key', () => {
  it('is readable by its owner only, also when it is written again', () => {
    writeFirstKey(folder, KEY)
    writeFirstKey(folder, { ...KEY, url: 'http://127.0.0.1:9000' })
    expect(fs.statSync(firstKeyPath(folder)).mode & 0o777).toBe(0o600)
    expect(readFirstKey(folder)?.url).toBe('http://127.0.0.1:9000')
    expect(fs.readdirSync(folder)).toEqual(['first-key.json'])
  })

  it('counts as missing when the file is something else', () => {
    fs.writeFileSync(firstKeyPath(folder), '{"url": 7}')
    expect(readFirstKey(folder)).toBeUndefined()
  })
})

describe('findConnection', () => {
  it('needs nothing on the machine where the server was first started', () => {
    writeFirstKey(folder, KEY)
    const found = findConnection({}, { CARILLON_DATA_DIR: folder })
    expect(found).toEqual({ url: KEY.url, key: KEY.apiKey, keySource: 'first-key.json' })
  })

  it('prefers options to the environment, and that to the file', () => {
    writeFirstKey(folder, KEY)
    const environment = { CARILLON_DATA_DIR: folder, CARILLON_URL: 'https://a.example/', CARILLON_API_KEY: 'k1' }
    expect(findConnection({}, environment)).toEqual({
      url: 'https://a.example',
      key: 'k1',
      keySource: 'CARILLON_API_KEY',
    })
    expect(findConnection({ url: 'https://b.example/x/', key: 'k2' }, environment)).toEqual({
      url: 'https://b.example/x',
      key: 'k2',
      keySource: '--key',
    })
  })

  it('never sends the key of this machine to another one', () => {
    writeFirstKey(folder, KEY)
    const environment = { CARILLON_DATA_DIR: folder }
    expect(() => findConnection({ url: 'https://calls.example.com' }, environment)).toThrow('No API key is known')
    expect(() => findConnection({ url: 'http://127.0.0.1.example.com' }, environment)).toThrow('No API key is known')
    expect(findConnection({ url: 'http://localhost:1' }, environment).key).toBe(KEY.apiKey)
  })

  it('refuses what is no address', () => {
    expect(() => findConnection({ url: 'calls.example.com', key: 'k' }, {})).toThrow('is not an address')
    expect(() => findConnection({ url: 'ftp://calls.example.com', key: 'k' }, {})).toThrow('is not an address')
  })
})

import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { compressed, emptyObject } from './codec.ts'

const inflate = { gzip: gunzipSync, zstd: zstdDecompressSync, none: (bytes: Buffer) => bytes }

describe.each(['gzip', 'zstd', 'none'] as const)('%s', (compress) => {
  test.each([0, 1, 32_767, 32_768, 1_000_000])(
    'D12: %i bytes come back, and give the same bytes each time',
    async (size) => {
      const bytes = Buffer.from('{"n":1}\n'.repeat(size / 8 + 1)).subarray(0, size)
      const [once, again] = [await compressed(bytes, compress), await compressed(bytes, compress)]
      expect(once.equals(again)).toBe(true)
      expect(inflate[compress](once).equals(bytes)).toBe(true)
    },
  )
})

test.each([
  ['a/0-1.jsonl.gz', 'application/gzip', gunzipSync],
  ['a/0-1.raw.zst', 'application/zstd', zstdDecompressSync],
  ['a/0-1.raw-base64', 'application/octet-stream', (bytes: Buffer) => bytes],
])('a void marker under %s has no rows in the format that its key names', async (key, type, read) => {
  const { body, contentType } = await emptyObject(key)
  expect(contentType).toBe(type)
  expect(read(body)).toHaveLength(0)
})

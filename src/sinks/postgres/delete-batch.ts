/** What batches do where tombstones delete: the marks of their rows, their turn, what is forgotten. deletes.ts says why. */
import { hash } from 'node:crypto'
import type { Deadline } from '../../core/ports.ts'
import type { Deletes } from '../sink.ts'
import { putBytes, putNull } from './arena.ts'
import type { Arena } from './arena.ts'
import type { EncodedBatch } from './batch.ts'
import { forgetDeletes, lockAlone, lockShared } from './deletes.ts'
import type { Owner } from './deletes.ts'
import { encodeBoolean } from './encode.ts'
import type { Session } from './session.ts'

/** In place of the columns that are no key. */
export function putNothing(out: Arena, columns: number): undefined {
  for (let i = 0; i < columns; i++) putNull(out)
}

/** Whether the key is to go, and the digest under which that is remembered: of one length, whatever the key holds. */
export function putMarks(out: Arena, gone: boolean, key: string): void {
  encodeBoolean(out, gone)
  putBytes(out, hash('sha256', Buffer.from(key, 'latin1'), 'buffer'))
}

/** Batches with deletes of one sink take turns; batches without share one. */
export async function takeTurn(
  { pipeline, sink }: Owner,
  session: Session,
  batch: Pick<EncodedBatch, 'deletes'>,
  deadline: Deadline,
): Promise<void> {
  if (batch.deletes) await session.query(deadline, lockAlone, [pipeline, sink], 'weirhouse turn alone')
  else await session.query(deadline, lockShared, [pipeline, sink], 'weirhouse turn')
}

export async function forget(
  { pipeline, sink, deletes }: Owner & { readonly deletes: Deletes | undefined },
  session: Session,
  batch: Pick<EncodedBatch, 'deletes'>,
  deadline: Deadline,
): Promise<void> {
  if (batch.deletes && deletes?.keepMs !== undefined)
    await session.query(deadline, forgetDeletes, [pipeline, sink, deletes.keepMs])
}

/** The stub in a process of its own, so that its work is on nobody's account. Tells where it is; ends with its parent. */
import { startStub } from './dynamodb.ts'

const stub = await startStub()
process.send!(stub.endpoint)
process.on('disconnect', () => void stub.close())

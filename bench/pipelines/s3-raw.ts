/** The bytes of the records' values as they are, one a line: nothing is decoded. */
import { bytes, pipeline } from 'weirhouse'
import { s3 } from 'weirhouse/sinks/s3'

export default pipeline({
  name: 's3-raw',
  source: { topic: 'bench' },
  decode: bytes(),
  sinks: [s3({ id: 'lake', format: 'raw', compress: 'none' })],
})

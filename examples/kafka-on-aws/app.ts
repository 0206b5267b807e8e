/** The ground of a pipeline on AWS: network, Kafka cluster, topic, and hosts to reach them by. */
import { App, Stack } from 'aws-cdk-lib'
import { AddressPlan, KafkaCluster, KafkaTopic, Network, OperatorAccess, SshRange } from 'weirhouse/cdk'

const stack = new Stack(new App(), 'Stream')
const network = new Network(stack, 'Network', { addresses: AddressPlan.of({ zones: 2 }) })
const cluster = new KafkaCluster(stack, 'Kafka', { network })
new KafkaTopic(stack, 'Demo', { cluster, name: 'demo_topic', partitions: 2 })
new OperatorAccess(stack, 'Access', { network, cluster, sshFrom: SshRange.of('203.0.113.7/32') })

import { SUPPORTED_KAFKA } from '../kafka-version.ts'
import { isNotTrue, isTrue, resources } from './rule.ts'
import type { TemplateRule } from './rule.ts'

const clusters = (...where: readonly string[]) => resources(['AWS::MSK::Cluster'], ...where)
const topics = (...where: readonly string[]) => resources(['AWS::MSK::Topic'], ...where)
/** Texts alone: a value that only a deployment knows cannot be read here. */
const configurations = (...where: readonly string[]) =>
  resources(['AWS::MSK::Configuration'], 'Properties.ServerProperties is_string', ...where)

/** More a cluster does not get without asking AWS. */
const MAX_BROKERS = 30

/** Guard has no remainder: the numbers themselves, for as many subnets as MSK takes. */
const brokersPerZone = [2, 3]
  .map((zones) => {
    const numbers = Array.from({ length: MAX_BROKERS / zones }, (_, i) => zones * (i + 1)).join(', ')
    return `  when %zones == ${zones} { Properties.NumberOfBrokerNodes IN [${numbers}] <<>> }`
  })
  .join('\n')

/** The number behind a key of server.properties. */
function numberOf(key: string): string {
  const pattern = String.raw`(?s)^(?:.*\n)?\s*${key.replaceAll('.', String.raw`\.`)}\s*=\s*(\d+).*$`
  return `parse_int(regex_replace(Properties.ServerProperties, "${pattern}", "\${1}"))`
}

/** Matches where the key is set to the word. */
function sets(key: string, word: string): string {
  return String.raw`/(?m)^\s*${key.replaceAll('.', String.raw`\.`)}\s*=\s*${word}\s*$/`
}

export const kafkaRules: readonly TemplateRule[] = [
  {
    name: 'kafka-version',
    what: 'KafkaVersion of a cluster',
    got: 'one that is not known here',
    why: `${SUPPORTED_KAFKA.join(', ')} are the ones that MSK mends and that Weirhouse takes for new clusters`,
    instead: `take ${SUPPORTED_KAFKA.at(-1)}`,
    guard: `${clusters('Properties.KafkaVersion is_string')} {
  Properties.KafkaVersion IN [${SUPPORTED_KAFKA.map((each) => `'${each}'`).join(', ')}] <<>>
}`,
  },
  {
    name: 'kafka-brokers-per-zone',
    what: 'NumberOfBrokerNodes of a cluster',
    got: 'a number that its subnets do not share evenly',
    why: 'MSK puts the same number of brokers into each of two or three subnets, 30 in all at most',
    instead: 'give a multiple of the number of ClientSubnets',
    guard: `${clusters('Properties.NumberOfBrokerNodes is_int', 'Properties.BrokerNodeGroupInfo.ClientSubnets is_list')} {
  let zones = count(Properties.BrokerNodeGroupInfo.ClientSubnets[*])
${brokersPerZone}
}`,
  },
  {
    name: 'kafka-public',
    what: 'PublicAccess of a cluster',
    got: 'another type than DISABLED',
    why: 'brokers would have addresses on the internet',
    instead: 'give DISABLED, and reach them from the Kafka host',
    guard: `${clusters('Properties.BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type exists')} {
  Properties.BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type == 'DISABLED' <<>>
}`,
  },
  {
    name: 'kafka-iam',
    what: 'ClientAuthentication.Sasl.Iam of a cluster',
    got: 'nothing or false',
    why: 'the grants of a topic are policies of IAM, and without it nothing asks for them',
    instead: 'give { Enabled: true }',
    guard: `${clusters()} {
  ${isTrue('Properties.ClientAuthentication.Sasl.Iam.Enabled')}
}`,
    shows: 'Properties.ClientAuthentication.Sasl',
  },
  {
    name: 'kafka-unauthenticated',
    what: 'ClientAuthentication.Unauthenticated of a cluster',
    got: 'Enabled',
    why: 'whoever reaches a broker could then read and write every topic',
    instead: 'give { Enabled: false }',
    guard: `${clusters('Properties.ClientAuthentication.Unauthenticated.Enabled exists')} {
  ${isNotTrue('Properties.ClientAuthentication.Unauthenticated.Enabled')}
}`,
  },
  {
    name: 'kafka-plaintext',
    what: 'EncryptionInTransit of a cluster',
    got: 'plain text',
    why: 'records would cross the network unencrypted',
    instead: "give ClientBroker: 'TLS' and InCluster: true",
    guard: `${clusters('Properties.EncryptionInfo.EncryptionInTransit exists')}.Properties.EncryptionInfo.EncryptionInTransit {
  ClientBroker !exists or ClientBroker == 'TLS' <<>>
  InCluster !exists or InCluster IN [true, 'true'] <<>>
}`,
  },
  {
    name: 'kafka-configuration',
    what: 'ConfigurationInfo of a cluster',
    got: 'nothing',
    why: "MSK's own defaults then hold, and with them a broker that lacks the latest records may become leader",
    instead: 'give it an AWS::MSK::Configuration, as KafkaCluster does',
    guard: `${clusters()} {
  Properties.ConfigurationInfo exists <<>>
}`,
    shows: 'Properties.ConfigurationInfo',
  },
  {
    name: 'kafka-auto-create',
    what: 'ServerProperties of a configuration',
    got: 'auto.create.topics.enable=true',
    shows: 'words',
    why: 'a misspelt name would make a topic that nobody reads',
    instead: 'write auto.create.topics.enable=false, and make topics by KafkaTopic or topic-create',
    guard: `${configurations()} {
  Properties.ServerProperties != ${sets('auto.create.topics.enable', 'true')} <<>>
}`,
  },
  {
    name: 'kafka-unclean-election',
    what: 'ServerProperties of a configuration',
    got: 'no unclean.leader.election.enable=false',
    shows: 'words',
    why: 'a broker that lacks the latest records could become leader, and they would be lost',
    instead: 'write unclean.leader.election.enable=false',
    guard: `${configurations()} {
  Properties.ServerProperties == ${sets('unclean.leader.election.enable', 'false')} <<>>
}`,
  },
  {
    name: 'kafka-insync',
    what: 'ServerProperties of a configuration',
    got: 'min.insync.replicas no less than default.replication.factor',
    shows: 'words',
    why: 'writing would stop whenever a broker is patched',
    instead: 'write a min.insync.replicas of one less',
    guard: `${configurations(...['min.insync.replicas', 'default.replication.factor'].map((key) => `Properties.ServerProperties == ${sets(key, String.raw`\d+`)}`))} {
  let insync = ${numberOf('min.insync.replicas')}
  let replication = ${numberOf('default.replication.factor')}
  %insync < %replication <<>>
}`,
  },
  {
    name: 'topic-replication',
    what: 'ReplicationFactor of a topic',
    got: 'more than its cluster has brokers',
    why: 'each copy needs a broker of its own',
    instead: "give the number of the cluster's brokers at most",
    guard: `let all = Resources
${topics('Properties.ReplicationFactor is_int', `Properties.ClusterArn.'Fn::GetAtt'[0] exists`)} {
  let name = Properties.ClusterArn.'Fn::GetAtt'[0]
  let brokers = %all.%name.Properties.NumberOfBrokerNodes
  when %brokers is_int { Properties.ReplicationFactor <= %brokers <<>> }
}`,
    shows: 'Properties.ReplicationFactor',
  },
  {
    name: 'topic-one-copy',
    what: 'ReplicationFactor of a topic',
    got: 'less than 2',
    why: 'the topic is gone while its broker is patched, and its records with the disk',
    instead: 'give 2 or 3',
    guard: `${topics('Properties.ReplicationFactor is_int')} {
  Properties.ReplicationFactor >= 2 <<>>
}`,
  },
]

// Where events come from and go to. The subscriptions are made by infra/hooks/subscribe.py once the code is there:
// their webhooks answer no handshake before.
param location string
param tags object
param token string
param dataAccountName string

resource data 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName
}

resource drops 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-drops-${token}'
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: data.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

// Notices for other programs, as CloudEvents; whoever wants them subscribes here.
resource notices 'Microsoft.EventGrid/topics@2025-02-15' = {
  // checkov:skip=CKV_AZURE_193: subscribers and the app reach it over the public network, by identity alone (disableLocalAuth)
  name: 'evgt-notices-${token}'
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    disableLocalAuth: true
    inputSchema: 'CloudEventSchemaV1_0'
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

output dropsTopicId string = drops.id
output dropsTopicName string = drops.name
output dropsTopicPrincipalId string = drops.identity.principalId
output noticesTopicName string = notices.name

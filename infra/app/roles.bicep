// Who may do what, and no more: docs/roles.md maps each call of the code to these.
// Scopes are single containers and queues; the host's account alone is given whole, because the host makes its own.
param dataAccountName string
param hostAccountName string
param insightsName string
param noticesTopicName string
param appPrincipalId string
param jobsPrincipalId string
param jobsIdentityName string
param appMakesClusters bool
param dropsTopicPrincipalId string
param jobsTopicPrincipalId string

var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var eventGridDataSender = 'd5a91429-5739-47e2-a06b-3470a27159e7'
var identityOperator = 'f1a07417-d97a-45cb-824c-7a7467783830'

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: dataAccount
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' existing = {
  parent: dataAccount
  name: 'default'
}

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostAccountName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource notices 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: noticesTopicName
}

resource datasets 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: blobs
  name: 'datasets'
}

resource recipes 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: blobs
  name: 'recipes'
}

resource runs 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: blobs
  name: 'runs'
}

resource prepared 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: blobs
  name: 'prepared'
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: blobs
  name: 'dead-letters'
}

resource steps 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  parent: queues
  name: 'run-steps'
}

resource stepsPoison 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  parent: queues
  name: 'run-steps-poison'
}

resource blobsPoison 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  parent: queues
  name: 'webjobs-blobtrigger-poison'
}

resource jobsIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: jobsIdentityName
}

// A cluster that the app makes is given the jobs' identity, which takes the right to assign it.
resource appGivesIdentity 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (appMakesClusters) {
  name: guid(jobsIdentity.id, appPrincipalId, identityOperator)
  scope: jobsIdentity
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', identityOperator)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// A drop is never altered: the app cannot even by mistake.
resource appReadsDatasets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(datasets.id, appPrincipalId, blobDataReader)
  scope: datasets
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appReadsRecipes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(recipes.id, appPrincipalId, blobDataReader)
  scope: recipes
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appWritesRuns 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(runs.id, appPrincipalId, blobDataContributor)
  scope: runs
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appWritesPrepared 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(prepared.id, appPrincipalId, blobDataContributor)
  scope: prepared
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// Renewing a message's invisibility writes the message, which Message Processor may not.
resource appOnSteps 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(steps.id, appPrincipalId, queueDataContributor)
  scope: steps
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appOnStepsPoison 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(stepsPoison.id, appPrincipalId, queueDataContributor)
  scope: stepsPoison
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appOnBlobsPoison 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(blobsPoison.id, appPrincipalId, queueDataContributor)
  scope: blobsPoison
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// Leases, timers, keys and the package: Microsoft's documented role for AzureWebJobsStorage.
resource hostOnBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostAccount.id, appPrincipalId, blobDataOwner)
  scope: hostAccount
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource hostOnQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostAccount.id, appPrincipalId, queueDataContributor)
  scope: hostAccount
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appSendsTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, appPrincipalId, metricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appSendsNotices 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(notices.id, appPrincipalId, eventGridDataSender)
  scope: notices
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', eventGridDataSender)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// All that a job sees of Droptune's data.
resource jobsReadPrepared 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(prepared.id, jobsPrincipalId, blobDataReader)
  scope: prepared
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: jobsPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource dropsTopicOnDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetters.id, dropsTopicPrincipalId, blobDataContributor)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: dropsTopicPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource jobsTopicOnDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetters.id, jobsTopicPrincipalId, blobDataContributor)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: jobsTopicPrincipalId
    principalType: 'ServicePrincipal'
  }
}

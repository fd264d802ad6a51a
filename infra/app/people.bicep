// What the person who deploys needs to use Droptune by the command line. Owner of a subscription reads no blob.
param dataAccountName string
param ownerPrincipalId string
param ownerPrincipalType string

var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var queueDataReader = '19e7f393-937e-4f77-808e-94535e297925'
var queueMessageSender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
var queueMessageProcessor = '8a0f0c08-91a1-4084-bc3d-661d67233fed'

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

resource ownerOnDatasets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(datasets.id, ownerPrincipalId, blobDataContributor)
  scope: datasets
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

resource ownerOnRecipes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(recipes.id, ownerPrincipalId, blobDataContributor)
  scope: recipes
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

resource ownerOnRuns 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(runs.id, ownerPrincipalId, blobDataContributor)
  scope: runs
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

resource ownerOnPrepared 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(prepared.id, ownerPrincipalId, blobDataReader)
  scope: prepared
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

resource ownerOnSteps 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(steps.id, ownerPrincipalId, queueMessageSender)
  scope: steps
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueMessageSender)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

resource ownerOnStepsSeen 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(steps.id, ownerPrincipalId, queueDataReader)
  scope: steps
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataReader)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

resource ownerOnStepsPoisonSeen 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(stepsPoison.id, ownerPrincipalId, queueDataReader)
  scope: stepsPoison
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataReader)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

resource ownerOnBlobsPoisonSeen 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(blobsPoison.id, ownerPrincipalId, queueDataReader)
  scope: blobsPoison
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataReader)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

resource ownerOnDeadLettersSeen 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetters.id, ownerPrincipalId, blobDataReader)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

// `droptune requeue` takes what failed out of here.
resource ownerOnStepsPoisonTaken 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(stepsPoison.id, ownerPrincipalId, queueMessageProcessor)
  scope: stepsPoison
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueMessageProcessor)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

// `droptune requeue` takes what failed out of here.
resource ownerOnBlobsPoisonTaken 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(blobsPoison.id, ownerPrincipalId, queueMessageProcessor)
  scope: blobsPoison
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueMessageProcessor)
    principalId: ownerPrincipalId
    principalType: ownerPrincipalType
  }
}

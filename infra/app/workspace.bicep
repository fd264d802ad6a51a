// A new Azure ML workspace with what it stands on. Its own identity gets its roles from Azure ML itself:
// naming them here too would be refused as doubled.
param location string
param tags object
param token string
param name string
param jobsPrincipalId string
param insightsName string

var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  // checkov:skip=CKV_AZURE_43: the name is a prefix and 13 letters of uniqueString, which this check cannot work out
  // checkov:skip=CKV_AZURE_206: models are registered from here within days; replication is the owner's choice
  // checkov:skip=CKV_AZURE_59: Azure ML's own services read and write here, by identity alone
  // checkov:skip=CKV_AZURE_35: as CKV_AZURE_59
  name: 'stml${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  // checkov:skip=CKV_AZURE_109: Azure ML reaches it over the public network, by identity alone; Droptune puts no secret in it
  // checkov:skip=CKV_AZURE_189: as CKV_AZURE_109
  name: 'kv-${token}'
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    enablePurgeProtection: true
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: 'Enabled'
    sku: {
      family: 'A'
      name: 'standard'
    }
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  // checkov:skip=CKV_AZURE_139: the Basic tier, $5 a month, has no private side; images are pulled by identity alone
  // checkov:skip=CKV_AZURE_163: scanning is Defender's, by subscription, and the owner's choice
  // checkov:skip=CKV_AZURE_164: signed images need the Premium tier; Azure ML builds the images here itself
  // checkov:skip=CKV_AZURE_165: geo-replication needs the Premium tier, and one region uses it
  // checkov:skip=CKV_AZURE_166: quarantine needs the Premium tier
  // checkov:skip=CKV_AZURE_167: retention of untagged images needs the Premium tier
  // checkov:skip=CKV_AZURE_233: zone redundancy needs the Premium tier; images can be built again
  // checkov:skip=CKV_AZURE_237: dedicated data endpoints need the Premium tier
  name: 'cr${token}'
  location: location
  tags: tags
  sku: {
    name: 'Basic'
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
  }
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2024-10-01' = {
  // checkov:skip=CKV_AZURE_243: as CKV_AZURE_144
  // checkov:skip=CKV_AZURE_144: people use the studio, and the app its API, over the public network by identity alone
  name: name
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  sku: {
    name: 'Basic'
    tier: 'Basic'
  }
  properties: {
    friendlyName: name
    storageAccount: account.id
    keyVault: vault.id
    containerRegistry: registry.id
    applicationInsights: insights.id
    systemDatastoresAuthMode: 'identity'
    publicNetworkAccess: 'Enabled'
    v1LegacyMode: false
  }
}

resource jobsOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, jobsPrincipalId, blobDataContributor)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: jobsPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource jobsOnRegistry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, jobsPrincipalId, acrPull)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
    principalId: jobsPrincipalId
    principalType: 'ServicePrincipal'
  }
}

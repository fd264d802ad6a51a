// The Function App on Flex Consumption: no instance while nothing happens. No key and no secret among its settings.
param location string
param tags object
param token string
param appIdentityName string
param dataAccountName string
param hostAccountName string
param insightsName string
param noticesTopicName string
param subnetId string
param instanceMemory int
param installation string
param workspaceName string
param workspaceGroup string
param jobsIdentityId string
param dropsTopicId string
param jobsTopicId string
param overrides object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: appIdentityName
}

resource data 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName
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

// The host's and the libraries' own settings.
var platform = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  AZURE_CLIENT_ID: identity.properties.clientId
  AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential'
  AzureWebJobsStorage__blobServiceUri: hostAccount.properties.primaryEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: hostAccount.properties.primaryEndpoints.queue
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.properties.clientId
  DROPTUNE_STORAGE__credential: 'managedidentity'
  DROPTUNE_STORAGE__clientId: identity.properties.clientId
}

// Droptune's own (docs/settings.md); those with a default that suits everybody are left to it.
var droptune = {
  DROPTUNE_STORAGE__blobServiceUri: data.properties.primaryEndpoints.blob
  DROPTUNE_STORAGE__queueServiceUri: data.properties.primaryEndpoints.queue
  AZURE_SUBSCRIPTION_ID: subscription().subscriptionId
  AZURE_RESOURCE_GROUP: workspaceGroup
  AZUREML_WORKSPACE_NAME: workspaceName
  AZUREML_JOBS_IDENTITY: jobsIdentityId
  DROPTUNE_INSTALLATION: installation
  DROPTUNE_DROPS_TOPIC_ID: dropsTopicId
  DROPTUNE_JOBS_TOPIC_ID: jobsTopicId
  EVENTS_TOPIC_URL: notices.properties.endpoint
  DROPTUNE_APP_ID: resourceId('Microsoft.Web/sites', 'func-${token}')
  RECONCILE_SCHEDULE: '0 * * * * *'
  SWEEP_SCHEDULE: '0 */15 * * * *'
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  // checkov:skip=CKV_AZURE_212: Flex Consumption makes instances as there is work; none is the aim
  // checkov:skip=CKV_AZURE_225: zone redundancy keeps instances running; a lost zone costs a restart
  name: 'plan-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  // checkov:skip=CKV_AZURE_212: as the plan: no instance while nothing happens is the aim
  // checkov:skip=CKV_AZURE_213: Flex Consumption has no health checks; an alert tells when the clock stands still
  // checkov:skip=CKV_AZURE_222: Event Grid delivers to the app's webhooks over the public network; each takes a key
  // checkov:skip=CKV_AZURE_17: callers are Event Grid and people with a function key, who have no client certificate
  name: 'func-${token}'
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostAccount.properties.primaryEndpoints.blob}app-package'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemory
        maximumInstanceCount: 40
      }
      runtime: {
        name: 'python'
        version: '3.12'
      }
    }
    siteConfig: {
      appSettings: [for setting in items(union(platform, droptune, overrides)): {
        name: setting.key
        value: setting.value
      }]
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
  }
}

// Publishing by user name and password is off; azd deploys by identity.
resource noScm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

output appId string = app.id
output url string = 'https://${app.properties.defaultHostName}'

// Droptune on a subscription, in one deployment: azd provision, or
//   az deployment sub create --location LOCATION --template-file infra/main.bicep --parameters infra/main.parameters.json
// Plain resources in local modules: nothing is fetched from a registry, and every property is there to be checked.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('The azd environment: names the resource group and tells this installation from others.')
param environmentName string

@minLength(1)
@description('The region. It must offer Flex Consumption and the GPU size.')
param location string

@description('The installation id. The sweep deletes only what carries it, so it never changes. Empty: derived.')
param installation string = ''

@description('An existing Azure ML workspace. Empty: one is made, with its storage, vault and registry.')
param workspaceName string = ''

@description('The resource group of the existing workspace. Empty: the installation\'s own.')
param workspaceResourceGroup string = ''

@description('The region of the existing workspace. Empty: the installation\'s own.')
param workspaceLocation string = ''

@description('The system topic of the existing workspace, where it has one already: a source has one at most.')
param workspaceTopicName string = ''

@description('The size of the GPU cluster that is made. Empty: none is made.')
param clusterSize string = 'Standard_NC24ads_A100_v4'

@minValue(1)
@description('The most nodes of that cluster. It scales to none.')
param clusterMaxNodes int = 2

@allowed(['Dedicated', 'LowPriority'])
param clusterPriority string = 'Dedicated'

@description('Let the app make clusters, for recipes with compute.create: it gets AzureML Compute Operator.')
param appMakesClusters bool = false

@description('Let the app read the region\'s sizes and quotas by a custom role of two actions: without the sizes no job is made. Needs the right to define roles; false where the app is given Reader on the subscription by hand.')
param readQuotas bool = true

@description('Let the app read the metrics of many endpoints in one call: for hundreds of endpoints. Azure wants Monitoring Reader on the whole subscription for that.')
param batchMetrics bool = false

@description('Put storage behind private endpoints, and the app and the cluster into a virtual network.')
param vnetEnabled bool = false

@description('Public addresses that may reach storage when vnetEnabled: where people drop from.')
param allowedAddresses array = []

@description('Where alerts and budget notices go. Empty: alerts show in the portal only.')
param alertEmail string = ''

@description('A budget in USD a month for the resource group. 0: none.')
param monthlyBudget int = 0

@description('The first of a month, as 2026-12-01. A budget keeps its start, so this is said once.')
param budgetStart string = ''

@allowed([512, 2048, 4096])
@description('Memory of one instance of the app.')
param instanceMemory int = 2048

@description('App settings over the defaults, as { POLL_SECONDS: \'5\' } (docs/settings.md).')
param appSettings object = {}

@description('Who deploys, and so may drop, watch and decide by the command line. Empty: nobody is given that.')
param ownerPrincipalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
param ownerPrincipalType string = 'User'

var monitoringReader = '43d0d8ad-25c7-4714-9337-8ba259a9fe05'
var token = toLower(uniqueString(subscription().id, environmentName, location))
var installationId = empty(installation) ? 'droptune-${token}' : installation
var tags = {
  'azd-env-name': environmentName
  'droptune-installation': installationId
}
var workspaceIsNew = empty(workspaceName)
var workspace = workspaceIsNew ? 'mlw-${token}' : workspaceName
var workspaceGroup = empty(workspaceResourceGroup) ? 'rg-${environmentName}' : workspaceResourceGroup
var workspaceRegion = empty(workspaceLocation) ? location : workspaceLocation

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identities 'app/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
  }
}

module network 'app/network.bicep' = if (vnetEnabled) {
  name: 'network'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    privateOnly: vnetEnabled
    allowedAddresses: allowedAddresses
  }
}

module endpoints 'app/endpoints.bicep' = if (vnetEnabled) {
  name: 'endpoints'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    dataAccountName: storage.outputs.dataAccountName
    hostAccountName: storage.outputs.hostAccountName
  }
  dependsOn: [
    network
  ]
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
  }
}

module workspaceNew 'app/workspace.bicep' = if (workspaceIsNew) {
  name: 'workspace'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    name: workspace
    jobsPrincipalId: identities.outputs.jobsPrincipalId
    insightsName: monitoring.outputs.insightsName
  }
}

module events 'app/events.bicep' = {
  name: 'events'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    dataAccountName: storage.outputs.dataAccountName
  }
}

module ml 'app/ml.bicep' = {
  name: 'ml'
  scope: resourceGroup(workspaceGroup)
  params: {
    location: workspaceRegion
    tags: tags
    workspaceName: workspace
    topicName: empty(workspaceTopicName) ? 'evgt-jobs-${token}' : workspaceTopicName
    dataAccountName: storage.outputs.dataAccountName
    dataAccountGroup: group.name
    jobsIdentityId: identities.outputs.jobsId
    appPrincipalId: identities.outputs.appPrincipalId
    appMakesClusters: appMakesClusters
    clusterSize: clusterSize
    clusterMaxNodes: clusterMaxNodes
    clusterPriority: clusterPriority
    clusterSubnetId: vnetEnabled ? network.outputs.jobsSubnetId : ''
  }
  dependsOn: [
    workspaceNew
  ]
}

module host 'app/host.bicep' = {
  name: 'host'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    appIdentityName: identities.outputs.appName
    dataAccountName: storage.outputs.dataAccountName
    hostAccountName: storage.outputs.hostAccountName
    insightsName: monitoring.outputs.insightsName
    noticesTopicName: events.outputs.noticesTopicName
    subnetId: vnetEnabled ? network.outputs.appSubnetId : ''
    instanceMemory: instanceMemory
    installation: installationId
    workspaceName: workspace
    workspaceGroup: workspaceGroup
    dropsTopicId: events.outputs.dropsTopicId
    jobsTopicId: ml.outputs.topicId
    jobsIdentityId: identities.outputs.jobsId
    overrides: appSettings
  }
  dependsOn: [
    roles
    endpoints
  ]
}

module roles 'app/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    dataAccountName: storage.outputs.dataAccountName
    hostAccountName: storage.outputs.hostAccountName
    insightsName: monitoring.outputs.insightsName
    noticesTopicName: events.outputs.noticesTopicName
    appPrincipalId: identities.outputs.appPrincipalId
    jobsPrincipalId: identities.outputs.jobsPrincipalId
    jobsIdentityName: identities.outputs.jobsName
    appMakesClusters: appMakesClusters
    dropsTopicPrincipalId: events.outputs.dropsTopicPrincipalId
    jobsTopicPrincipalId: ml.outputs.topicPrincipalId
  }
}

module people 'app/people.bicep' = if (!empty(ownerPrincipalId)) {
  name: 'people'
  scope: group
  params: {
    dataAccountName: storage.outputs.dataAccountName
    ownerPrincipalId: ownerPrincipalId
    ownerPrincipalType: ownerPrincipalType
  }
}

module alerts 'app/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    insightsName: monitoring.outputs.insightsName
    dropsTopicName: events.outputs.dropsTopicName
    email: alertEmail
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
  }
}

// Azure ML tells quotas by subscription and region alone, and no built-in role below Reader may ask.
resource quotaReader 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (readQuotas) {
  name: guid(subscription().id, installationId, 'quota-reader')
  properties: {
    roleName: 'Droptune quota reader (${installationId})'
    description: 'Reads which machine sizes Azure ML offers in a region and how many cores are in use.'
    type: 'CustomRole'
    assignableScopes: [
      subscription().id
    ]
    permissions: [
      {
        actions: [
          'Microsoft.MachineLearningServices/locations/usages/read'
          'Microsoft.MachineLearningServices/locations/vmSizes/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource quotaReaderOfApp 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (readQuotas) {
  name: guid(subscription().id, installationId, 'quota-reader', 'app')
  properties: {
    roleDefinitionId: quotaReader.id
    principalId: identities.outputs.appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// Azure Monitor's call for many resources is a call on the subscription: the role on the workspace is not enough.
resource appReadsMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (batchMetrics) {
  name: guid(subscription().id, installationId, monitoringReader, 'app')
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringReader)
    principalId: identities.outputs.appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// The outputs carry the settings' own names, so that `azd env get-values > droptune.env` is an env file of the CLI.
output AZURE_SUBSCRIPTION_ID string = subscription().subscriptionId
output AZURE_RESOURCE_GROUP string = workspaceGroup
output AZUREML_WORKSPACE_NAME string = workspace
output DROPTUNE_STORAGE__blobServiceUri string = storage.outputs.blobUrl
output DROPTUNE_STORAGE__queueServiceUri string = storage.outputs.queueUrl
output DROPTUNE_INSTALLATION string = installationId
output DROPTUNE_APP_ID string = host.outputs.appId
output DROPTUNE_DROPS_TOPIC_ID string = events.outputs.dropsTopicId
output DROPTUNE_JOBS_TOPIC_ID string = ml.outputs.topicId
output DROPTUNE_URL string = host.outputs.url

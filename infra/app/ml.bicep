// What Droptune needs in a workspace, new or existing: datastore, cluster, topic, and the app's roles there.
param location string
param tags object
param workspaceName string
param topicName string
param dataAccountName string
param dataAccountGroup string
param jobsIdentityId string
param appPrincipalId string
param appMakesClusters bool
param clusterSize string
param clusterMaxNodes int
param clusterPriority string
param clusterSubnetId string

var dataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121'
var computeOperator = 'e503ece1-11d0-4e8e-8e2c-7a6c3bf38815'
var monitoringReader = '43d0d8ad-25c7-4714-9337-8ba259a9fe05'

resource workspace 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: workspaceName
}

// No key, no SAS: a job reads with its own identity, so nobody reads prepared data through the workspace.
resource prepared 'Microsoft.MachineLearningServices/workspaces/datastores@2024-10-01' = {
  parent: workspace
  name: 'droptune_prepared'
  properties: {
    datastoreType: 'AzureBlob'
    description: 'Prepared chats of Droptune, read by jobs with their own identity'
    accountName: dataAccountName
    containerName: 'prepared'
    endpoint: environment().suffixes.storage
    protocol: 'https'
    resourceGroup: dataAccountGroup
    subscriptionId: subscription().subscriptionId
    serviceDataAccessAuthIdentity: 'None'
    credentials: {
      credentialsType: 'None'
    }
  }
}

resource cluster 'Microsoft.MachineLearningServices/workspaces/computes@2024-10-01' = if (!empty(clusterSize)) {
  parent: workspace
  name: 'gpu-cluster'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${jobsIdentityId}': {}
    }
  }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: clusterSize
      vmPriority: clusterPriority
      osType: 'Linux'
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: clusterMaxNodes
        nodeIdleTimeBeforeScaleDown: 'PT2M'
      }
      subnet: empty(clusterSubnetId) ? null : {
        id: clusterSubnetId
      }
    }
  }
}

resource jobs 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: topicName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: workspace.id
    topicType: 'Microsoft.MachineLearningServices.Workspaces'
  }
}

resource appDataScientist 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, appPrincipalId, dataScientist)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataScientist)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appMonitoringReader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, appPrincipalId, monitoringReader)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringReader)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource appComputeOperator 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (appMakesClusters) {
  name: guid(workspace.id, appPrincipalId, computeOperator)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', computeOperator)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

output topicId string = jobs.id
output topicPrincipalId string = jobs.identity.principalId

// Two accounts: one for data, one for the Functions host. Whoever drops data has no way to the app's package and keys.
param location string
param tags object
param token string
param privateOnly bool
param allowedAddresses array

// Names as in shared/adapters/storage/place.py; dead-letters is Event Grid's, for what it could not deliver.
var containers = [
  'datasets'
  'recipes'
  'runs'
  'prepared'
  'dead-letters'
]
// The host copies what fails five times to the poison queues; they are made here so that nobody needs the right to.
var queues = [
  'run-steps'
  'run-steps-poison'
  'webjobs-blobtrigger-poison'
]
var rules = [for address in allowedAddresses: {
  value: address
  action: 'Allow'
}]

resource data 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  // checkov:skip=CKV_AZURE_43: the name is a prefix and 13 letters of uniqueString, which this check cannot work out
  // checkov:skip=CKV_AZURE_206: replication is the owner's choice; what is dropped here is a copy, and the ledger can be rebuilt from Azure ML's tags
  // checkov:skip=CKV_AZURE_59: people and Azure ML read here by identity; vnetEnabled closes the public side
  // checkov:skip=CKV_AZURE_35: as CKV_AZURE_59
  name: 'stdata${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_ZRS'
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: privateOnly && empty(allowedAddresses) ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateOnly ? 'Deny' : 'Allow'
      ipRules: rules
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: data
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource dataContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [for name in containers: {
  parent: blobs
  name: name
  properties: {
    publicAccess: 'None'
  }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: data
  name: 'default'
}

resource dataQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for name in queues: {
  parent: queueService
  name: name
}]

// The app itself ends prepared data (a recipe's keep.prepared_days): a rule by age would take the frozen evaluation sets too.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: data
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'dead-letters-end'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
                'appendBlob'
              ]
              prefixMatch: [
                'dead-letters/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: 30
                }
              }
            }
          }
        }
        {
          // Azure Monitor keeps figures for 93 days: nobody looks for an older request of our own.
          name: 'notes-of-own-requests-end'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'runs/sweep/own/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: 95
                }
              }
            }
          }
        }
      ]
    }
  }
  dependsOn: [
    blobs
  ]
}

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  // checkov:skip=CKV_AZURE_43: the name is a prefix and 13 letters of uniqueString, which this check cannot work out
  // checkov:skip=CKV_AZURE_206: it holds the package, leases and timers; a deployment makes them again
  // checkov:skip=CKV_AZURE_59: azd uploads the package from the deployer's machine; vnetEnabled closes the public side but for allowedAddresses
  // checkov:skip=CKV_AZURE_35: as CKV_AZURE_59
  name: 'sthost${token}'
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
    publicNetworkAccess: privateOnly && empty(allowedAddresses) ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateOnly ? 'Deny' : 'Allow'
      ipRules: rules
    }
  }
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: hostAccount
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: hostBlobs
  name: 'app-package'
  properties: {
    publicAccess: 'None'
  }
}

output dataAccountName string = data.name
output dataAccountId string = data.id
output hostAccountName string = hostAccount.name
output blobUrl string = data.properties.primaryEndpoints.blob
output queueUrl string = data.properties.primaryEndpoints.queue

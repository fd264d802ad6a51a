// A virtual network for the app's way out, the cluster's nodes and the private endpoints of storage.
param location string
param tags object
param token string

// Nothing calls the app or the cluster from the internet through this network; Event Grid reaches the app's public name.
resource inboundNothing 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${token}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'nothing-from-the-internet'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4000
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-${token}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.77.0.0/16'
      ]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.77.1.0/24'
          networkSecurityGroup: {
            id: inboundNothing.id
          }
          delegations: [
            {
              name: 'flex'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.77.2.0/24'
          networkSecurityGroup: {
            id: inboundNothing.id
          }
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
      {
        name: 'jobs'
        properties: {
          addressPrefix: '10.77.3.0/24'
          networkSecurityGroup: {
            id: inboundNothing.id
          }
        }
      }
    ]
  }
}

output appSubnetId string = '${network.id}/subnets/app'
output jobsSubnetId string = '${network.id}/subnets/jobs'

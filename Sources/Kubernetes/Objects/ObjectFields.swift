// Everything that is read of an API object. What is not here is passed over unread, `managedFields` first of all.
//
// | object        | field (JSON)                                             | becomes                                  |
// |---------------|----------------------------------------------------------|------------------------------------------|
// | all           | metadata: name, namespace, resourceVersion               | ObjectMetadata                           |
// | bookmark      | metadata.annotations: k8s.io/initial-events-end          | the end of a streamed list               |
// | Service       | metadata.annotations: portolan.dev/*                     | ServiceSettings                          |
// |               | spec.type, clusterIP, clusterIPs                         | kind and cluster addresses               |
// |               | spec.externalIPs, status.loadBalancer.ingress[]          | external hosts                           |
// |               |   .ip .hostname                                          |                                          |
// |               | spec.externalName                                        | alias                                    |
// |               | spec.ports[]: name port protocol appProtocol nodePort    | service ports                            |
// |               | spec.selector (whether there is one)                     | explain                                  |
// |               | spec.publishNotReadyAddresses                            | readiness of all endpoints               |
// | EndpointSlice | metadata.labels: kubernetes.io/service-name              | the service it belongs to                |
// |               | metadata.labels: endpointslice.kubernetes.io/managed-by  | whether it mirrors an Endpoints          |
// |               | addressType                                              | which addresses are right                |
// |               | endpoints[]: addresses, conditions, hostname, nodeName,  | one endpoint per address                 |
// |               |   zone, targetRef.name                                   |                                          |
// |               | ports[]: name port protocol appProtocol                  | the ports of all its endpoints           |
// | Endpoints     | metadata.annotations: …/over-capacity                    | a problem: the list is cut at 1000       |
// |               | subsets[]: addresses[], notReadyAddresses[]:             | one endpoint per address and target      |
// |               |   ip hostname nodeName targetRef.name                    |                                          |
// |               | subsets[].ports[]: name port protocol appProtocol        | the ports of the subset's endpoints      |
// | Status        | code, reason, message, metadata.continue,                | KubernetesStatus                         |
// |               |   details.retryAfterSeconds                              |                                          |

/// Labels and annotations that mean something here.
enum WellKnownKey {
    static let serviceName: StaticString = "kubernetes.io/service-name"
    static let managedBy: StaticString = "endpointslice.kubernetes.io/managed-by"
    static let initialEventsEnd: StaticString = "k8s.io/initial-events-end"
    static let overCapacity: StaticString = "endpoints.kubernetes.io/over-capacity"
    /// The value of ``managedBy`` on slices made from v1 Endpoints.
    static let mirroringController: StaticString = "endpointslicemirroring-controller.k8s.io"
}

/// Field numbers of the API's protobuf messages (`generated.proto` of k8s.io/apimachinery and k8s.io/api).
enum WireNumber {
    enum Envelope { static let typeMeta = 1, raw = 2 }
    enum TypeMeta { static let apiVersion = 1, kind = 2 }
    enum WatchEvent { static let type = 1, object = 2 }
    enum RawExtension { static let raw = 1 }
    enum List { static let metadata = 1, items = 2 }
    enum ListMeta { static let resourceVersion = 2, continueToken = 3 }
    enum ObjectMeta {
        /// The number of the metadata itself, the same in every kind.
        static let inEveryKind = 1
        static let name = 1, namespace = 3, resourceVersion = 6, labels = 11, annotations = 12
    }
    enum MapEntry { static let key = 1, value = 2 }
    enum Status { static let metadata = 1, message = 3, reason = 4, details = 5, code = 6 }
    enum StatusDetails { static let retryAfterSeconds = 5 }
    enum Service { static let metadata = 1, spec = 2, status = 3 }
    enum ServiceSpec {
        static let ports = 1, selector = 2, clusterIP = 3, type = 4, externalIPs = 5, externalName = 10
        static let publishNotReadyAddresses = 13, clusterIPs = 18
    }
    enum ServicePort { static let name = 1, transport = 2, port = 3, nodePort = 5, appProtocol = 6 }
    enum ServiceStatus { static let loadBalancer = 1 }
    enum LoadBalancerStatus { static let ingress = 1 }
    enum LoadBalancerIngress { static let ip = 1, hostname = 2 }
    enum EndpointSlice { static let metadata = 1, endpoints = 2, ports = 3, addressType = 4 }
    enum SliceEndpoint {
        static let addresses = 1, conditions = 2, hostname = 3, targetRef = 4, nodeName = 6, zone = 7
    }
    enum Conditions { static let ready = 1, serving = 2, terminating = 3 }
    enum SlicePort { static let name = 1, transport = 2, port = 3, appProtocol = 4 }
    enum ObjectReference { static let name = 3 }
    enum Endpoints { static let metadata = 1, subsets = 2 }
    enum Subset { static let addresses = 1, notReadyAddresses = 2, ports = 3 }
    enum SubsetAddress { static let ip = 1, targetRef = 2, hostname = 3, nodeName = 4 }
    enum SubsetPort { static let name = 1, port = 2, transport = 3, appProtocol = 4 }
}

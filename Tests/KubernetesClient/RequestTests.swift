import HTTPTransport
import KubernetesObjects
import Testing

@testable import KubernetesClient

@Suite struct RequestTests {
    @Test(
        "requests for a collection",
        arguments: [
            (
                CollectionScope(.services), CollectionScope.Reading.page(limit: 500, continueToken: ""),
                "/api/v1/services?limit=500"
            ),
            (
                CollectionScope(.endpointSlices, namespace: "shop"), .page(limit: 500, continueToken: "a=="),
                "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?limit=500&continue=a%3D%3D"
            ),
            (CollectionScope(.endpoints), .page(limit: nil, continueToken: ""), "/api/v1/endpoints"),
            (
                CollectionScope(.services), .streamedList(seconds: 300),
                "/api/v1/services?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                    + "&allowWatchBookmarks=true&timeoutSeconds=300"
            ),
            (
                CollectionScope(.services, labelSelector: try! LabelSelector("app!=internal")),
                .watch(after: "292", seconds: 411),
                "/api/v1/services?labelSelector=app%21%3Dinternal&watch=true&resourceVersion=292"
                    + "&allowWatchBookmarks=true&timeoutSeconds=411"
            ),
        ]
    )
    func collections(scope: CollectionScope, reading: CollectionScope.Reading, target: String) {
        #expect(scope.request(reading, encoding: .protobuf).target == target)
    }

    @Test("a watch is not ended by a timeout of the client's")
    func watchTimeouts() {
        let watch = CollectionScope(.services).request(.watch(after: "1", seconds: 300), encoding: .json)
        #expect(watch.totalTimeout == nil)
        #expect(watch.idleTimeout == nil)
        let list = CollectionScope(.services).request(.page(limit: 500, continueToken: ""), encoding: .json)
        #expect(list.totalTimeout != nil)
    }

    @Test("protobuf is asked for with JSON as the alternative")
    func accept() {
        let scope = CollectionScope(.services)
        let reading = CollectionScope.Reading.page(limit: 1, continueToken: "")
        #expect(
            scope.request(reading, encoding: .protobuf).headers["Accept"]
                == "application/vnd.kubernetes.protobuf, application/json"
        )
        #expect(scope.request(reading, encoding: .json).headers["Accept"] == "application/json")
    }

    @Test(
        "the encoding of an answer",
        arguments: [
            ("application/json", ObjectEncoding.json), ("application/json; charset=utf-8", .json),
            ("application/vnd.kubernetes.protobuf;stream=watch", .protobuf), ("Application/JSON ;stream=watch", .json),
            ("text/plain; charset=utf-8", nil), ("application/jsonp", nil), (nil, nil),
        ]
    )
    func contentTypes(type: String?, encoding: ObjectEncoding?) {
        #expect(ObjectEncoding(contentType: type) == encoding)
    }

    @Test("server, path prefix, credentials and impersonation meet in the request")
    func http() {
        var request = APIRequest(.get, "/version", headers: ["Accept": "application/json"])
        request.query = [.init("a b", "c&d")]
        let http = request.http(
            server: "https://rancher.example/k8s/clusters/c-1",
            credential: .bearer("t0ken"),
            impersonation: ["Impersonate-User": "jane", "Impersonate-Group": "dev"]
        )
        #expect(http.url == "https://rancher.example/k8s/clusters/c-1/version?a%20b=c%26d")
        #expect(http.headers["authorization"] == "Bearer t0ken")
        #expect(http.headers["Impersonate-User"] == "jane")
        #expect(http.headers["Impersonate-Group"] == "dev")
    }

    @Test("a permission reads as RBAC has it, and comes with the rule that grants it")
    func permissions() {
        let scope = CollectionScope(.endpointSlices)
        #expect(scope.permission("watch").description == "watch endpointslices.discovery.k8s.io in all namespaces")
        let named = CollectionScope(.services, namespace: "shop")
        #expect(named.permission("list").description == "list services in namespace shop")
        #expect(
            Permission.rules(granting: [named.permission("list"), named.permission("watch"), scope.permission("list")])
                == """
                # Role in namespace shop
                - apiGroups: [""]
                  resources: ["services"]
                  verbs: ["list", "watch"]
                # ClusterRole
                - apiGroups: ["discovery.k8s.io"]
                  resources: ["endpointslices"]
                  verbs: ["list"]
                """
        )
    }
}

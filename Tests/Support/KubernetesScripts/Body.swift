package import HTTPTransport

/// Bodies such as an API server sends.
package enum Body {
    package static let json: HTTPHeaders = ["Content-Type": "application/json"]

    package static func service(
        _ name: String,
        _ version: Int,
        namespace: String = "n",
        annotations: String = "{}"
    ) -> String {
        #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"\#(name)","namespace":"\#(namespace)","#
            + #""resourceVersion":"\#(version)","annotations":\#(annotations)},"#
            + #""spec":{"type":"ClusterIP","clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"]}}"#
    }

    package static func slice(
        _ name: String,
        of service: String,
        _ addresses: [String],
        _ version: Int,
        namespace: String = "n"
    ) -> String {
        let endpoints = addresses.map { #"{"addresses":["\#($0)"],"conditions":{"ready":true}}"# }.joined(
            separator: ","
        )
        return #"{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"\#(name)","#
            + #""namespace":"\#(namespace)","resourceVersion":"\#(version)","#
            + #""labels":{"kubernetes.io/service-name":"\#(service)"}},"#
            + #""addressType":"IPv4","endpoints":[\#(endpoints)],"ports":[{"name":"http","port":80,"protocol":"TCP"}]}"#
    }

    package static func endpoints(_ name: String, _ addresses: [String], _ version: Int) -> String {
        let list = addresses.map { #"{"ip":"\#($0)"}"# }.joined(separator: ",")
        return #"{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"\#(name)","namespace":"n","#
            + #""resourceVersion":"\#(version)"},"#
            + #""subsets":[{"addresses":[\#(list)],"ports":[{"name":"http","port":80}]}]}"#
    }

    /// A list of objects of one kind.
    package static func list(of kind: String, _ objects: [String], version: Int) -> HTTPResponse {
        let body =
            #"{"kind":"\#(kind)List","metadata":{"resourceVersion":"\#(version)"},"items":["#
            + objects.joined(separator: ",") + "]}"
        return HTTPResponse(status: 200, headers: json, body: Array(body.utf8))
    }

    package static func event(_ type: String, _ object: String) -> String {
        #"{"type":"\#(type)","object":\#(object)}"# + "\n"
    }

    package static func list(_ services: [(String, Int)], version: Int, continueToken: String = "") -> HTTPResponse {
        let items = services.map { service($0.0, $0.1) }.joined(separator: ",")
        let token = continueToken.isEmpty ? "" : #","continue":"\#(continueToken)""#
        let body =
            #"{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"\#(version)"\#(token)},"#
            + #""items":[\#(items)]}"#
        return HTTPResponse(status: 200, headers: json, body: Array(body.utf8))
    }

    package static func event(_ type: String, _ name: String, _ version: Int) -> String {
        event(type, service(name, version))
    }

    package static func bookmark(_ version: Int) -> String {
        event("BOOKMARK", #"{"kind":"Service","apiVersion":"v1","metadata":{"resourceVersion":"\#(version)"}}"#)
    }

    package static func status(_ code: Int, _ reason: String = "", headers: HTTPHeaders = json) -> HTTPResponse {
        let body =
            #"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"m","#
            + #""reason":"\#(reason)","code":\#(code)}"#
        return HTTPResponse(status: code, headers: headers, body: Array(body.utf8))
    }
}

package import ServiceCatalog

/// A remembered system as a file: what zones show of its services, and nothing that only syncs or people need.
package enum SystemState {
    /// - Parameter identity: what decides on the contents of the system beside time: its configuration, in words.
    /// - Returns: the file and the checksum by which a ``Checkpoint`` names it.
    package static func encode(
        _ services: [Service],
        lastCurrent: Int64,
        identity: String
    ) -> (file: [UInt8], checksum: UInt32) {
        var writer = StateWriter()
        writer.reserveCapacity(services.reduce(256) { $0 + 64 + 48 * $1.endpoints.count })
        writer.text(identity)
        writer.number(UInt64(max(0, lastCurrent)))
        writer.list(services) { $0.service($1) }
        return StateEnvelope.seal(writer.bytes, .system)
    }

    /// - Throws: ``StateFileError/otherConfiguration`` when the file was written for another `identity`.
    package static func decode(
        _ file: [UInt8],
        identity: String
    ) throws(StateFileError) -> (system: RememberedSystem, checksum: UInt32) {
        let (contents, checksum) = try StateEnvelope.open(file, .system)
        var reader = StateReader(contents)
        guard try reader.text() == identity else { throw .otherConfiguration }
        let lastCurrent: UInt64 = try reader.number()
        guard let lastCurrent = Int64(exactly: lastCurrent) else { throw .corrupt }
        let services = try reader.list { (reader) throws(StateFileError) in try reader.service() }
        try reader.end()
        guard Set(services.map(\.key)).count == services.count else { throw .corrupt }
        return (RememberedSystem(services: services, lastCurrent: lastCurrent), checksum)
    }
}

// MARK: - Services

private enum KindCode: UInt8 {
    case clusterAddress
    case headless
    case alias
}

extension StateWriter {
    fileprivate mutating func service(_ service: Service) {
        text(service.key.namespace)
        text(service.key.name)
        origin(service.origin)
        switch service.kind {
        case .clusterAddress: octet(KindCode.clusterAddress.rawValue)
        case .headless: octet(KindCode.headless.rawValue)
        case .alias(let target):
            octet(KindCode.alias.rawValue)
            text(target)
        }
        list(service.clusterAddresses) { $0.host(.address($1)) }
        list(service.ports) { $0.port($1.name, $1.number, $1.transport, $1.appProtocol) }
        optional(service.settings.weight) { $0.number(UInt64(max(0, $1))) }
        optional(service.settings.grpcConfig) { $0.text($1) }
        endpoints(service.endpoints)
    }

    /// The endpoints of a slice share one list of ports; so does the file.
    private mutating func endpoints(_ endpoints: [Endpoint]) {
        var lists: [[EndpointPort]] = []
        var indices: [Int] = []
        indices.reserveCapacity(endpoints.count)
        for endpoint in endpoints {
            if let last = indices.last, lists[last] == endpoint.ports {
                indices.append(last)
            } else if let index = lists.firstIndex(of: endpoint.ports) {
                indices.append(index)
            } else {
                indices.append(lists.count)
                lists.append(endpoint.ports)
            }
        }
        list(lists) { $0.list($1) { $0.port($1.name, $1.number, $1.transport, $1.appProtocol) } }
        count(endpoints.count)
        for (endpoint, index) in zip(endpoints, indices) {
            host(endpoint.host)
            octet(endpoint.readiness.rawValue)
            count(index)
            optional(endpoint.hostname) { $0.text($1) }
            optional(endpoint.targetName) { $0.text($1) }
            optional(endpoint.zone) { $0.text($1) }
            optional(endpoint.attributes?.origin) { $0.origin($1) }
            optional(endpoint.attributes?.weight) { $0.number(UInt64(max(0, $1))) }
        }
    }

    private mutating func origin(_ origin: Origin) {
        text(origin.cluster)
        text(origin.system.rawValue)
    }

    private mutating func host(_ host: Host) {
        switch host {
        case .address(.v4(let address)):
            octet(4)
            number(address)
        case .address(.v6(let high, let low)):
            octet(6)
            number(high)
            number(low)
        case .name(let name):
            octet(0)
            text(name)
        }
    }

    private mutating func port(
        _ name: String,
        _ port: UInt16,
        _ transport: TransportProtocol,
        _ appProtocol: String?
    ) {
        text(name)
        number(port)
        octet(transport.rawValue)
        optional(appProtocol) { $0.text($1) }
    }

    private mutating func optional<Value>(_ value: Value?, _ write: (inout StateWriter, Value) -> Void) {
        octet(value == nil ? 0 : 1)
        if let value { write(&self, value) }
    }
}

extension StateReader {
    fileprivate mutating func service() throws(StateFileError) -> Service {
        let key = ServiceKey(namespace: try text(), name: try text())
        let origin = try origin()
        let kind: Service.Kind
        switch KindCode(rawValue: try octet()) {
        case .clusterAddress?: kind = .clusterAddress
        case .headless?: kind = .headless
        case .alias?: kind = .alias(try text())
        case nil: throw .corrupt
        }
        let addresses = try list { (reader) throws(StateFileError) in
            guard let address = try reader.host().address else { throw StateFileError.corrupt }
            return address
        }
        let ports = try list { (reader) throws(StateFileError) in
            let port = try reader.port()
            return ServicePort(
                name: port.name,
                number: port.number,
                transport: port.transport,
                appProtocol: port.appProtocol
            )
        }
        let weight = try optional { (reader) throws(StateFileError) -> Int in try reader.weight() }
        let grpcConfig = try optional { (reader) throws(StateFileError) in try reader.text() }
        let settings =
            weight == nil && grpcConfig == nil ? .none : ServiceSettings(weight: weight, grpcConfig: grpcConfig)
        return Service(
            key: key,
            origin: origin,
            kind: kind,
            clusterAddresses: addresses,
            ports: ports,
            settings: settings,
            endpoints: try endpoints()
        )
    }

    private mutating func endpoints() throws(StateFileError) -> [Endpoint] {
        let lists = try list { (reader) throws(StateFileError) in
            try reader.list { (reader) throws(StateFileError) in try reader.port() }
        }
        return try list { (reader) throws(StateFileError) in
            let host = try reader.host()
            guard let readiness = Readiness(rawValue: try reader.octet()) else { throw StateFileError.corrupt }
            let index: UInt32 = try reader.number()
            guard index < lists.count else { throw StateFileError.corrupt }
            let hostname = try reader.optional { (reader) throws(StateFileError) in try reader.text() }
            let target = try reader.optional { (reader) throws(StateFileError) in try reader.text() }
            let zone = try reader.optional { (reader) throws(StateFileError) in try reader.text() }
            let origin = try reader.optional { (reader) throws(StateFileError) in try reader.origin() }
            let weight = try reader.optional { (reader) throws(StateFileError) -> Int in try reader.weight() }
            var endpoint = Endpoint(
                host: host,
                readiness: readiness,
                hostname: hostname,
                targetName: target,
                ports: lists[Int(index)],
                attributes: origin == nil && weight == nil ? nil : EndpointAttributes(origin: origin, weight: weight)
            )
            if let zone {
                endpoint.place = reader.places[zone] ?? EndpointPlace(zone: zone)
                reader.places[zone] = endpoint.place
            }
            return endpoint
        }
    }

    private mutating func origin() throws(StateFileError) -> Origin {
        Origin(cluster: try text(), system: SystemName(try text()))
    }

    private mutating func weight() throws(StateFileError) -> Int { Int(try number() as UInt32) }

    private mutating func host() throws(StateFileError) -> Host {
        switch try octet() {
        case 4: .address(.v4(try number()))
        case 6: .address(.v6(high: try number(), low: try number()))
        case 0: .name(try text())
        default: throw .corrupt
        }
    }

    private mutating func port() throws(StateFileError) -> EndpointPort {
        let name = try text()
        let number: UInt16 = try number()
        guard let transport = TransportProtocol(rawValue: try octet()) else { throw .corrupt }
        let appProtocol = try optional { (reader) throws(StateFileError) in try reader.text() }
        return EndpointPort(name: name, number: number, transport: transport, appProtocol: appProtocol)
    }

    private mutating func optional<Value>(
        _ read: (inout StateReader) throws(StateFileError) -> Value
    ) throws(StateFileError) -> Value? {
        switch try octet() {
        case 0: nil
        case 1: try read(&self)
        default: throw .corrupt
        }
    }
}

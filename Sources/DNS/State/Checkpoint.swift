package import ServiceCatalog

/// What changes often and is small: until when each system's file was the present state, and how far serials have come.
package struct Checkpoint: Hashable, Sendable {
    package struct Confirmation: Hashable, Sendable {
        /// Of the file that was the present state.
        package var checksum: UInt32
        /// Seconds since 1970.
        package var lastCurrent: Int64

        package init(checksum: UInt32, lastCurrent: Int64) {
            self.checksum = checksum
            self.lastCurrent = lastCurrent
        }
    }

    package var systems: [SystemName: Confirmation] = [:]
    /// By zone name: a serial that has not been passed.
    package var serials: [String: UInt32] = [:]

    package init() {}

    package func encode() -> [UInt8] {
        var writer = StateWriter()
        writer.list(systems.sorted { $0.key < $1.key }) { writer, entry in
            writer.text(entry.key.rawValue)
            writer.number(entry.value.checksum)
            writer.number(UInt64(max(0, entry.value.lastCurrent)))
        }
        writer.list(serials.sorted { $0.key < $1.key }) { writer, entry in
            writer.text(entry.key)
            writer.number(entry.value)
        }
        return StateEnvelope.seal(writer.bytes, .checkpoint).file
    }

    package init(decoding file: [UInt8]) throws(StateFileError) {
        var reader = StateReader(try StateEnvelope.open(file, .checkpoint).contents)
        let systems = try reader.list { (reader) throws(StateFileError) in
            let name = SystemName(try reader.text())
            let checksum: UInt32 = try reader.number()
            guard let lastCurrent = Int64(exactly: try reader.number() as UInt64) else {
                throw StateFileError.corrupt
            }
            return (name, Confirmation(checksum: checksum, lastCurrent: lastCurrent))
        }
        let serials = try reader.list { (reader) throws(StateFileError) in
            (try reader.text(), try reader.number() as UInt32)
        }
        try reader.end()
        self.systems = Dictionary(systems, uniquingKeysWith: { _, last in last })
        self.serials = Dictionary(serials, uniquingKeysWith: { _, last in last })
    }
}

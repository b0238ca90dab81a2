extension DNSConfiguration {
    /// Reads what becomes of zones whose source is lost.
    mutating func readState(_ members: ConfigurationNode.Members) {
        state = members["state"]?.string()
        if let limit = members["maxStale"]?.duration() { maxStale = limit }
    }
}

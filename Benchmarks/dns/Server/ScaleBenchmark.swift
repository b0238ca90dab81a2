import DNSCore
import Glibc

/// Costs of a zone with 100,000 endpoints: loading it, holding it, changing one endpoint of it.
struct ScaleBenchmark {
    private let cluster = BenchmarkZone(services: 1000, endpoints: 100)

    func run() {
        let store = ZoneStore()
        let forward = cluster.makeZone(BenchmarkZone.apex, in: store)
        let reverse = cluster.makeZone(BenchmarkZone.reverseApex, in: store)
        store.serve([forward, reverse])

        var changes = cluster.changes
        var reverseChanges = cluster.reverseChanges
        let records = (changes + reverseChanges).reduce(0) { $0 + $1.sets.reduce(0) { $0 + $1.data.count } }
        let before = residentBytes()
        let load = cpuSeconds {
            forward.apply(changes)
            reverse.apply(reverseChanges)
        }
        let held = residentBytes() - before
        changes = []
        reverseChanges = []
        let counted = forward.statistics.bytes + reverse.statistics.bytes
        let names = forward.statistics.names + reverse.statistics.names
        print("names \(names), records \(records)")
        print("load: \(format(load * 1e3)) ms of CPU, \(format(load * 1e6 / Double(records))) µs per record")
        print("memory: \(format(Double(held) / 1e6)) MB resident, \(format(Double(counted) / 1e6)) MB counted")

        // One endpoint of a service is replaced: the service's address and SRV sets are rebuilt, one name goes, one comes.
        let rounds = 2000
        var batches: [[OwnerChange]] = []
        for round in 0..<rounds {
            let service = round * 7 % cluster.services
            let old = cluster.changes(ofService: service)
            let new = cluster.changes(ofService: service, rollout: 1_000_000 + round)
            batches.append([new[2], new[0], new[1], OwnerChange(owner: old[2].owner, sets: [])])
            batches.append([old[2], old[0], old[1], OwnerChange(owner: new[2].owner, sets: [])])
        }
        var worst = 0.0
        let churn = cpuSeconds {
            for batch in batches { worst = max(worst, cpuSeconds { forward.apply(batch) }) }
        }
        print(
            "change of one endpoint: \(format(churn * 1e6 / Double(batches.count))) µs of CPU, worst \(format(worst * 1e6)) µs"
        )
    }

    private func cpuSeconds(_ body: () -> Void) -> Double {
        let start = now()
        body()
        return now() - start
    }

    private func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    private func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 128)
        guard fgets(&text, 128, file) != nil else { return 0 }
        let fields = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
            separator: " "
        )
        return (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE))
    }

    private func format(_ value: Double) -> String {
        let tenths = (value * 100).rounded() / 100
        return "\(tenths)"
    }
}

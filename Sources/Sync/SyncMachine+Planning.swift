import ServiceCatalog

/// What the catalog wants under one name.
struct Wish: Sendable {
    /// What it was made of: while these are the same, so is the wish.
    var sources: [Service?] = []
    var winner: ServiceKey?
    /// By id, in order.
    var registrations: [Registration] = []
    var ids: Set<EntryID> = []
    var problems: [Problem] = []
    /// The services, other than the winner, that problems are about.
    var losers: [Problem: ServiceKey] = [:]
}

/// What has to be done for one name to agree.
struct NamePlan: Sendable {
    var puts: [Operation] = []
    var removals: [ObservedEntry] = []
    /// Instances that stand as wanted already.
    var present = 0
    /// Instances that nobody else stands in the way of.
    var wanted = 0
    var problems: [Problem] = []

    var isEmpty: Bool { puts.isEmpty && removals.isEmpty }

    /// How many entries the name would lose that nothing replaces.
    var loss: Int {
        max(0, removals.count - puts.count { $0.kind == .add })
    }
}

extension SyncMachine {
    /// Compares what the catalog wants under `name` now with what the target holds.
    mutating func plan(_ name: Name, _ view: some CatalogView) -> NamePlan {
        var plan = NamePlan()
        let wish = isWithdrawing ? Wish() : wish(name, view)
        plan.problems = wish.problems
        var blocked: [String] = []
        var refused: [String] = []
        for registration in wish.registrations {
            let entry = entries[registration.id]
            switch entry?.holder {
            case .other(let holder):
                blocked.append("\(registration.id): an entry with this id is held by \(holder)")
                continue
            case .own(_, registration):
                plan.present += 1
            default:
                plan.puts.append(.put(registration, replacing: entry))
                if let error = refusal(of: registration) { refused.append("\(registration.id): \(error)") }
            }
            plan.wanted += 1
        }
        for (code, texts, what) in [
            (Problem.Code.foreignEntry, blocked, "not written"), (.writeRefused, refused, "refused"),
        ] {
            guard let first = texts.first, let key = wish.winner else { continue }
            plan.problems.append(
                Problem(
                    code,
                    "\(target.system): service \(key) under \"\(name)\": \(texts.count) instances are \(what); "
                        + "the first is \(first)"
                )
            )
        }
        if let problem = sharing(of: name, wish) { plan.problems.append(problem) }
        if let ids = entriesByName[name] {
            for id in ids where !wish.ids.contains(id) {
                guard let entry = entries[id], isRemovable(entry, name, view) else { continue }
                plan.removals.append(entry)
            }
            plan.removals.sort { $0.id < $1.id }
        }
        report(plan.problems, for: name, wish)
        return plan
    }

    // MARK: - What the catalog wants

    private mutating func wish(_ name: Name, _ view: some CatalogView) -> Wish {
        guard let claimants = claims[name] else {
            wishes[name] = nil
            return Wish()
        }
        let winner = winner(of: name, among: claimants)
        let holders = claimants.filter { $0.key == winner }.sorted()
        let sources = holders.map { view.service($0.key, in: projectors[$0.sync].definition.from) }
        if let known = wishes[name], known.winner == winner, known.sources == sources, claimants.count == holders.count
        {
            return known
        }
        var wish = Wish(sources: sources, winner: winner)
        for (claimant, service) in zip(holders, sources) {
            guard let service else { continue }
            let projection = projectors[claimant.sync].project(service, as: name)
            for registration in projection.entries.values where wish.ids.insert(registration.id).inserted {
                wish.registrations.append(registration)
            }
            wish.problems += projection.problems
        }
        wish.registrations.sort { $0.id < $1.id }
        for loser in Set(claimants.map(\.key)).subtracting([winner]).sorted() {
            let problem = Problem(
                .nameCollision,
                "\(target.system): service \(loser) is not written as \"\(name)\": service \(winner) holds this "
                    + "name. Give one of them another with the annotation "
                    + "\(ServiceSettings.annotationPrefix)name, or put {namespace} into the sync's name template"
            )
            wish.problems.append(problem)
            wish.losers[problem] = loser
        }
        wishes[name] = wish
        return wish
    }

    /// The service that has `name`: who holds it in the target keeps it, so that a newcomer takes nothing away; else the
    /// first by namespace and name. Services of the same key in several systems are one service and share the name.
    private func winner(of name: Name, among claimants: Set<Claimant>) -> ServiceKey {
        if let only = claimants.first, claimants.count == 1, synced.count == sourceCount { return only.key }
        var best: ServiceKey?
        for id in entriesByName[name] ?? [] {
            guard let mark = entries[id]?.mark else { continue }
            let holds =
                isUnsyncedSource(mark.from)
                || claimants.contains { $0.key == mark.key && projectors[$0.sync].definition.from == mark.from }
            if holds, best.map({ mark.key < $0 }) ?? true { best = mark.key }
        }
        if let best { return best }
        return claimants.lazy.map(\.key).min() ?? ServiceKey(namespace: "", name: "")
    }

    private func isUnsyncedSource(_ system: SystemName) -> Bool {
        !synced.contains(system) && configuration.definitions.contains { $0.from == system }
    }

    /// Others who register instances under `name`. Theirs are left alone and these are written beside them, as users do
    /// on purpose who move a service; the same service of another installation is meant to be one with it.
    private func sharing(of name: Name, _ wish: Wish) -> Problem? {
        guard let key = wish.winner, !wish.registrations.isEmpty else { return nil }
        let strangers = (otherHolders[name] ?? []).filter { $0.key != key }
        guard !strangers.isEmpty else { return nil }
        let who = strangers.prefix(3).map(\.description).joined(separator: ", ")
        let more = strangers.count > 3 ? " and \(strangers.count - 3) more" : ""
        return Problem(
            .nameCollision,
            "\(target.system): the name \"\(name)\" of service \(key) is also registered by \(who)\(more): who asks for it "
                + "gets their instances as well. They are left alone. If they are not the same service, give this one "
                + "another name with the annotation \(ServiceSettings.annotationPrefix)name"
        )
    }

    // MARK: - What may go

    /// Whether `entry`, which no claimant of `name` wants, may be removed as the catalog is at this moment.
    private func isRemovable(_ entry: ObservedEntry, _ name: Name, _ view: some CatalogView) -> Bool {
        guard entry.isOwn else { return false }
        if isWithdrawing { return true }
        guard let mark = entry.mark, configuration.definitions.contains(where: { $0.from == mark.from }) else {
            // Left by a sync that is no longer declared, or unreadable: wanted by none once all sources have spoken.
            return configuration.definitions.allSatisfy { synced.contains($0.from) }
        }
        guard synced.contains(mark.from) else { return false }
        // The catalog may be ahead of what this machine has been told: ask it directly.
        guard let service = view.service(mark.key, in: mark.from) else { return true }
        return !projectors.enumerated().contains { index, projector in
            projector.definition.from == mark.from
                && claims[name]?.contains(Claimant(sync: index, key: mark.key)) != true
                && projector.names(of: service).contains { Self.fold($0) == name }
        }
    }

    /// Those of `removals` that stay under `name` for now: their service has moved to another name, under which nothing
    /// of it stands yet, though it wants the same host and port there. What it does not want there is dead, and goes.
    mutating func moving(
        _ removals: [ObservedEntry],
        from name: Name,
        _ view: some CatalogView
    ) -> Set<EntryID> {
        guard !isWithdrawing else { return [] }
        var moving: Set<EntryID> = []
        for mark in Set(removals.compactMap(\.mark)) {
            for index in projectors.indices where projectors[index].definition.from == mark.from {
                let present = names[Claimant(sync: index, key: mark.key)] ?? []
                if present.contains(name) || present.contains(where: { stands(mark.key, under: $0) }) { continue }
                for new in present {
                    let wish = wish(new, view)
                    guard wish.winner == mark.key, !wish.registrations.isEmpty else { continue }
                    let places = Set(wish.registrations.map { Self.place(of: $0.id) })
                    let staying = removals.filter { $0.mark == mark && places.contains(Self.place(of: $0.id)) }
                    guard !staying.isEmpty else { continue }
                    moving.formUnion(staying.map(\.id))
                    moves[new, default: []].insert(name)
                }
            }
        }
        return moving
    }

    /// `host:port` within an id this engine makes.
    private static func place(of id: EntryID) -> Substring {
        id.rawValue.lastIndex(of: "@").map { id.rawValue[$0...] } ?? id.rawValue[...]
    }

    private func stands(_ key: ServiceKey, under name: Name) -> Bool {
        (entriesByName[name] ?? []).contains { entries[$0]?.mark?.key == key }
    }

    // MARK: - Telling

    /// What the target said to the last attempt. A conflict is told when it comes back, as a single one is a race.
    private func refusal(of registration: Registration) -> TargetError? {
        guard let retry = retries[registration.id], let error = retry.error else { return nil }
        if case .conflict = error, retry.backoff.attempts < 2 { return nil }
        return error
    }

    private mutating func report(_ found: [Problem], for name: Name, _ wish: Wish) {
        guard !found.isEmpty || problems[name] != nil else { return }
        let known = problems[name] ?? []
        for problem in found where !known.contains(problem) {
            // What sums up instances changes with their number: told once.
            let isSum = problem.code == .foreignEntry || problem.code == .writeRefused
            if isSum, known.contains(where: { $0.code == problem.code }) { continue }
            events.append(.problem(problem, subjects(of: problem, name, wish)))
        }
        problems[name] = found.isEmpty ? nil : found
    }

    /// The services `problem` is about. None for what their source has found itself, and told already.
    private func subjects(of problem: Problem, _ name: Name, _ wish: Wish) -> [SyncEvent.Subject] {
        guard let key = wish.losers[problem] ?? wish.winner,
            !wish.sources.contains(where: { $0?.settings.problems.contains(problem) == true })
        else { return [] }
        return (claims[name] ?? []).filter { $0.key == key }.sorted().map {
            SyncEvent.Subject(system: projectors[$0.sync].definition.from, key: key)
        }
    }
}

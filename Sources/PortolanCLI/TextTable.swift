/// Columns aligned for a terminal.
struct TextTable {
    private var rows: [[String]] = []

    /// - Parameter header: the first row, where there is one.
    init(_ header: [String]? = nil) { rows = header.map { [$0] } ?? [] }

    mutating func add(_ row: [String]) { rows.append(row) }

    func text(separator: String = "   ") -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for row in rows {
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            var line = cells.joined(separator: separator)
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }
}

import DNSCore
import DNSTransfer

/// A transfer on its way over one connection, signed message by message.
final class OutgoingTransfer {
    /// After which a transfer is given up however it goes on.
    private static let patience = Duration.seconds(1800)

    private let transfer: ZoneTransfer
    private var signer: TSIGSigner?
    private let service: TransferService
    private let zone: DomainName
    private let type: RecordType
    private let client: ClientAddress
    private let deadline = ContinuousClock.now + patience
    private var isListed = false
    private var isFinished = false

    init(
        _ transfer: ZoneTransfer,
        _ question: Message.Question,
        _ signer: TSIGSigner?,
        to client: ClientAddress,
        _ service: TransferService
    ) {
        self.transfer = transfer
        self.signer = signer
        self.service = service
        self.client = client
        zone = question.name
        type = question.type
    }

    deinit {
        finish(.aborted)
        if isListed { service.release() }
    }

    /// Notes that the transfer takes more than a message. False when there are too many of these.
    func takePlace() -> Bool {
        isListed = service.begin()
        return isListed
    }

    /// Writes the next message, and says how long it is and whether more follow; `nil` when the transfer cannot go on.
    func nextMessage(
        into buffer: UnsafeMutableRawBufferPointer,
        size: Int = ZoneTransfer.messageSize,
        reader: ReadEpochs.Reader
    ) -> (length: Int, isLast: Bool)? {
        guard ContinuousClock.now < deadline else { return nil }
        let room = buffer.count - (signer?.overhead ?? 0)
        // A key's name may leave too little of a small datagram.
        guard room >= ZoneTransfer.minimumMessage else { return nil }
        let step = transfer.nextMessage(
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<room]),
            size: min(size, room),
            reader: reader
        )
        switch step {
        case .message(let length, let isLast):
            guard var signer else { return (length, isLast) }
            var message = Array(buffer[..<length])
            signer.sign(&message, now: .now)
            self.signer = signer
            buffer.copyBytes(from: message)
            return (message.count, isLast)
        case .overrun:
            finish(.overrun)
            return nil
        case .tooLong, .unsigned:
            return nil
        }
    }

    /// Has nothing be noted: something else is sent instead.
    func dismiss() { isFinished = true }

    /// Notes the end, once.
    func finish(_ result: TransferService.Result) {
        guard !isFinished else { return }
        isFinished = true
        service.finish(transfer, of: zone, asked: type, to: client, key: signer?.key.name, result)
    }
}

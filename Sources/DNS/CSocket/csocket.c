#define _GNU_SOURCE
#include "CSocket.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

// Room for one in_pktinfo or in6_pktinfo.
#define CONTROL_SIZE CMSG_SPACE(sizeof(struct in6_pktinfo))

struct csocket_headers {
    struct mmsghdr *received;
    struct mmsghdr *replies;
    struct iovec *received_parts;
    struct iovec *reply_parts;
    struct sockaddr_in6 *peers;
    uint8_t *controls;
    int used;
};

static void prepare(csocket_ring *ring, int index) {
    struct msghdr *header = &ring->headers->received[index].msg_hdr;
    header->msg_namelen = sizeof(struct sockaddr_in6);
    header->msg_controllen = CONTROL_SIZE;
    header->msg_flags = 0;
}

csocket_ring *csocket_ring_create(uint32_t capacity, uint32_t request_size, uint32_t response_size) {
    csocket_ring *ring = calloc(1, sizeof *ring);
    struct csocket_headers *headers = calloc(1, sizeof *headers);
    if (!ring || !headers) {
        free(ring);
        free(headers);
        return NULL;
    }
    *ring = (csocket_ring){
        .capacity = capacity,
        .request_size = request_size,
        .response_size = response_size,
        .requests = calloc(capacity, request_size),
        .responses = calloc(capacity, response_size),
        .request_lengths = calloc(capacity, sizeof(uint32_t)),
        .response_lengths = calloc(capacity, sizeof(uint32_t)),
        .headers = headers,
    };
    *headers = (struct csocket_headers){
        .received = calloc(capacity, sizeof(struct mmsghdr)),
        .replies = calloc(capacity, sizeof(struct mmsghdr)),
        .received_parts = calloc(capacity, sizeof(struct iovec)),
        .reply_parts = calloc(capacity, sizeof(struct iovec)),
        .peers = calloc(capacity, sizeof(struct sockaddr_in6)),
        .controls = calloc(capacity, CONTROL_SIZE),
    };
    if (!ring->requests || !ring->responses || !ring->request_lengths || !ring->response_lengths || !headers->received
        || !headers->replies || !headers->received_parts || !headers->reply_parts || !headers->peers
        || !headers->controls) {
        csocket_ring_free(ring);
        return NULL;
    }
    for (uint32_t i = 0; i < capacity; i++) {
        headers->received_parts[i] = (struct iovec){ring->requests + (size_t)i * request_size, request_size};
        headers->received[i].msg_hdr = (struct msghdr){
            .msg_name = &headers->peers[i],
            .msg_iov = &headers->received_parts[i],
            .msg_iovlen = 1,
            .msg_control = headers->controls + (size_t)i * CONTROL_SIZE,
        };
        headers->replies[i].msg_hdr = (struct msghdr){.msg_iov = &headers->reply_parts[i], .msg_iovlen = 1};
        prepare(ring, (int)i);
    }
    return ring;
}

void csocket_ring_free(csocket_ring *ring) {
    struct csocket_headers *headers = ring->headers;
    free(headers->received);
    free(headers->replies);
    free(headers->received_parts);
    free(headers->reply_parts);
    free(headers->peers);
    free(headers->controls);
    free(headers);
    free(ring->requests);
    free(ring->responses);
    free(ring->request_lengths);
    free(ring->response_lengths);
    free(ring);
}

int csocket_receive(csocket_ring *ring, int socket) {
    struct csocket_headers *headers = ring->headers;
    // The kernel has written sizes of the last datagrams where it expects the room there is.
    for (int i = 0; i < headers->used; i++) prepare(ring, i);
    int count = recvmmsg(socket, headers->received, ring->capacity, MSG_WAITFORONE, NULL);
    if (count < 0) {
        headers->used = 0;
        switch (errno) {
        case EBADF:
        case EFAULT:
        case EINVAL:
        case ENOTSOCK:
            return -errno;
        default:
            return 0;
        }
    }
    headers->used = count;
    for (int i = 0; i < count; i++) ring->request_lengths[i] = headers->received[i].msg_len;
    return count;
}

csocket_client_address csocket_client(const csocket_ring *ring, int index) {
    const struct sockaddr_in6 *peer = &ring->headers->peers[index];
    if (peer->sin6_family == AF_INET) {
        uint32_t address = ntohl(((const struct sockaddr_in *)peer)->sin_addr.s_addr);
        return (csocket_client_address){.low = UINT64_C(0xffff00000000) | address};
    }
    uint64_t halves[2];
    memcpy(halves, &peer->sin6_addr, sizeof halves);
    return (csocket_client_address){.high = be64toh(halves[0]), .low = be64toh(halves[1])};
}

// Turns the control message that says where a datagram came in into one that says where the answer goes out: from the same
// address, by whatever interface the route takes. Link-local addresses need theirs.
static void keep_source(struct msghdr *header) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(control);
            info->ipi_ifindex = 0;
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(control);
            if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) info->ipi6_ifindex = 0;
        }
    }
}

int csocket_reply(csocket_ring *ring, int socket, int count) {
    struct csocket_headers *headers = ring->headers;
    int pending = 0;
    for (int i = 0; i < count; i++) {
        if (ring->response_lengths[i] == 0) continue;
        struct msghdr *request = &headers->received[i].msg_hdr;
        struct msghdr *reply = &headers->replies[pending].msg_hdr;
        headers->reply_parts[pending] = (struct iovec){
            ring->responses + (size_t)i * ring->response_size,
            ring->response_lengths[i],
        };
        reply->msg_name = request->msg_name;
        reply->msg_namelen = request->msg_namelen;
        reply->msg_control = request->msg_controllen ? request->msg_control : NULL;
        reply->msg_controllen = request->msg_controllen;
        if (reply->msg_controllen) keep_source(reply);
        pending++;
    }
    int failed = 0;
    for (int sent = 0; sent < pending;) {
        int result = sendmmsg(socket, headers->replies + sent, (unsigned)(pending - sent), 0);
        if (result > 0) {
            sent += result;
        } else if (errno != EINTR) {
            // It says why the first one did not go: too large for the path, no route, no memory. The others may.
            failed++;
            sent++;
        }
    }
    return failed;
}

static int set(int socket, int level, int option, int value) {
    return setsockopt(socket, level, option, &value, sizeof value);
}

static bool is_zero(const uint8_t *address, int length) {
    for (int i = 0; i < length; i++)
        if (address[i]) return false;
    return true;
}

int csocket_udp_open(const uint8_t *address, int address_length, uint16_t port, bool first) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v6 = address_length == 16;
    if (is_v6)
        memcpy(&v6.sin6_addr, address, 16);
    else
        memcpy(&v4.sin_addr, address, 4);

    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int receive_buffer = 4 << 20;
    struct timeval second = {.tv_sec = 1};
    // With root's rights beyond the system's limit, else as much as that allows.
    if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer) < 0) set(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    // Answers are small enough for every path; what an ICMP message says of a smaller one is not to be believed.
    if (is_v6)
        set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    else
        set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    if ((is_v6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0) || (!first && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
        || (is_zero(address, address_length)
            && set(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1) < 0)
        || bind(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, is_v6 ? sizeof v6 : sizeof v4) < 0
        || (first && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int csocket_port(int socket) {
    struct sockaddr_in6 address;
    socklen_t length = sizeof address;
    if (getsockname(socket, (struct sockaddr *)&address, &length) < 0) return -errno;
    // The port stands at the same place in both families.
    return ntohs(address.sin6_port);
}

void csocket_stop_receiving(int socket) {
    // Fails with ENOTCONN, but marks the socket and wakes its readers all the same.
    shutdown(socket, SHUT_RD);
}

void csocket_close(int socket) {
    close(socket);
}

int csocket_cpu_count(void) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (sched_getaffinity(0, sizeof cpus, &cpus) < 0) return 1;
    return CPU_COUNT(&cpus);
}

int csocket_pin_thread(int cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    return sched_setaffinity(0, sizeof cpus, &cpus) < 0 ? -errno : 0;
}

void csocket_name_thread(const char *name) {
    prctl(PR_SET_NAME, name);
}

int64_t csocket_raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) limit.rlim_cur = before;
    }
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

// The floor: what receiving and sending cost by themselves. Sends every datagram back with the bit that makes it an answer.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { batch = 64, size = 4096 };

int main(int argc, char **argv) {
    if (argc != 2) return 64;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int buffer = 4 << 20;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("bind");
        return 1;
    }
    static unsigned char bytes[batch][size];
    static struct mmsghdr messages[batch];
    static struct iovec parts[batch];
    static struct sockaddr_in peers[batch];
    for (int i = 0; i < batch; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_iov = &parts[i], .msg_iovlen = 1};
    for (;;) {
        for (int i = 0; i < batch; i++) {
            parts[i] = (struct iovec){bytes[i], size};
            messages[i].msg_hdr.msg_namelen = sizeof peers[i];
        }
        int count = recvmmsg(fd, messages, batch, MSG_WAITFORONE, NULL);
        if (count <= 0) continue;
        for (int i = 0; i < count; i++) {
            parts[i].iov_len = messages[i].msg_len;
            bytes[i][2] |= 0x80;
        }
        for (int sent = 0; sent < count;) {
            int result = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
            sent += result > 0 ? result : 1;
        }
    }
}

"""Knowledge distillation: a student learns a teacher's softened probabilities."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class DistillationLoss(nn.Module):
    def __init__(self, temperature=3.0, alpha=0.7):
        super().__init__()
        self.T, self.alpha = temperature, alpha
        self.kl = nn.KLDivLoss(reduction="batchmean")
        self.ce = nn.CrossEntropyLoss()

    def forward(self, student_logits, teacher_logits, labels):
        soft_teacher = F.softmax(teacher_logits / self.T, dim=-1)
        log_student = F.log_softmax(student_logits / self.T, dim=-1)
        distill = self.kl(log_student, soft_teacher) * (self.T**2)
        return self.alpha * distill + (1 - self.alpha) * self.ce(student_logits, labels)


def main():
    torch.manual_seed(0)
    x = torch.randn(60, 8)
    labels = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    teacher = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
    student = nn.Sequential(nn.Linear(8, 6), nn.Hardtanh(), nn.Linear(6, 3))
    losses = []

    optimizer = torch.optim.Adamax(teacher.parameters(), lr=0.01)
    for _epoch in range(10):
        loss = F.cross_entropy(teacher(x), labels, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    teacher.eval()
    for p in teacher.parameters():
        p.requires_grad_(False)
    criterion = DistillationLoss()
    optimizer = torch.optim.NAdam(student.parameters(), lr=0.01)
    for _epoch in range(10):
        with torch.no_grad():
            teacher_logits = teacher(x)
        loss = criterion(student(x), teacher_logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    agree = (student(x).argmax(1) == teacher(x).argmax(1)).float().mean()
    return losses + [agree.item()]
